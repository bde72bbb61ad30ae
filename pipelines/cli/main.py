"""The command line, `perennial`: the table of its commands."""

import os

import click

from components.files import OTHERS
from pipelines.cli.group import LazyCommand, LazyGroup

SECTIONS = {
    "Data": {
        "seed": LazyCommand("pipelines.cli.services:seed", "Load a model's example data into BigQuery"),
        "schema": LazyCommand("pipelines.cli.schema:schema", "Propose, check and compare a pinned schema"),
        "snapshots": LazyCommand("pipelines.cli.snapshots:snapshots", "List the snapshots of a model's data"),
        "snapshot": LazyCommand("pipelines.cli.snapshots:snapshot", "Show one snapshot; expire unused ones"),
        "compare-data": LazyCommand("pipelines.cli.compare:compare_data", "Compare two windows of a model's data"),
    },
    "Training": {
        "train": LazyCommand("pipelines.cli.training:train", "Train and evaluate a model; record a good version"),
        "reproduce": LazyCommand("pipelines.cli.training:reproduce", "Train a version again and compare the result"),
        "compile": LazyCommand("pipelines.cli.training:compile_", "Write a pipeline as YAML for Kubeflow or Vertex AI"),
    },
    "Versions": {
        "models": LazyCommand("pipelines.cli.versions:models", "List the models and their live versions"),
        "versions": LazyCommand("pipelines.cli.versions:versions", "List the versions of a model"),
        "show": LazyCommand("pipelines.cli.versions:show", "Show everything about a version"),
        "lineage": LazyCommand("pipelines.cli.versions:lineage", "Show a version's way from data to deployments"),
        "compare": LazyCommand("pipelines.cli.compare:compare", "Explain why two versions differ, or one went bad"),
        "export": LazyCommand("pipelines.cli.export:export", "Export a version: model card, MLflow, Vertex AI"),
    },
    "Deployment": {
        "deploy": LazyCommand("pipelines.cli.deploy:deploy", "Deploy a version to a target"),
        "rollback": LazyCommand("pipelines.cli.deploy:rollback", "Deploy the version that was live before"),
        "history": LazyCommand("pipelines.cli.versions:history", "List the deployments of a model"),
        "retire": LazyCommand("pipelines.cli.versions:retire", "Exclude a version from deployment for good"),
    },
    "Upkeep": {
        "migrate": LazyCommand("pipelines.cli.services:migrate", "Update the registry's tables; create its bucket"),
        "verify": LazyCommand("pipelines.cli.storage:verify", "Check the stored bytes of versions"),
        "restore": LazyCommand("pipelines.cli.storage:restore", "Restore missing or damaged bytes of a version"),
        "gc": LazyCommand("pipelines.cli.storage:collect_garbage", "Remove bytes that no version needs"),
    },
    "Local services": {
        "up": LazyCommand("pipelines.cli.services:up", "Start the emulators"),
        "down": LazyCommand("pipelines.cli.services:down", "Stop the emulators"),
        "status": LazyCommand("pipelines.cli.services:status", "Show whether the emulators run, and where"),
    },
}
"""The commands by name, in the sections and the order of the help."""


@click.group(cls=LazyGroup, sections=SECTIONS)
@click.version_option(package_name="perennial")
def main() -> None:
    """Keep models alive on Google Cloud: train, evaluate, deploy and compare them, and explain why one went bad."""
    os.umask(OTHERS)
