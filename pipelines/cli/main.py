"""The command line, `perennial`: the table of its commands."""

import os

import click

from components.files import OTHERS
from pipelines.cli.group import LazyCommand, LazyGroup

SECTIONS = {
    "Data": {
        "seed": LazyCommand("pipelines.cli.commands.services:seed", "Load a model's example data into BigQuery"),
        "schema": LazyCommand("pipelines.cli.commands.schema:schema", "Propose, check and compare a pinned schema"),
        "snapshots": LazyCommand("pipelines.cli.commands.snapshots:snapshots", "List the snapshots of a model's data"),
        "snapshot": LazyCommand("pipelines.cli.commands.snapshots:snapshot", "Show one snapshot; expire unused ones"),
        "compare-data": LazyCommand("pipelines.cli.commands.compare:compare_data", "Compare two windows of a model's data"),
    },
    "Training": {
        "new": LazyCommand("pipelines.cli.commands.new:new", "Make the folder of a new model from a table"),
        "upgrade": LazyCommand("pipelines.cli.commands.new:upgrade", "Merge newer templates into a model's folder"),
        "train": LazyCommand("pipelines.cli.commands.training:train", "Train and evaluate a model; record a good version"),
        "reproduce": LazyCommand("pipelines.cli.commands.training:reproduce", "Train a version again and compare the result"),
        "gate": LazyCommand("pipelines.cli.commands.gate:gate", "Accept findings of the gate before training"),
        "compile": LazyCommand("pipelines.cli.commands.training:compile_", "Write a pipeline as YAML for Kubeflow or Vertex AI"),
        "backfill": LazyCommand("pipelines.cli.commands.runs:backfill", "Train the windows between two dates, each once"),
        "apply": LazyCommand("pipelines.cli.commands.runs:apply_", "Make Kubeflow's schedules as they are declared"),
    },
    "Runs": {
        "runs": LazyCommand("pipelines.cli.commands.runs:runs", "List the runs of a model, here or on Kubeflow"),
        "logs": LazyCommand("pipelines.cli.commands.runs:logs", "Show what a run's steps have printed"),
        "cancel": LazyCommand("pipelines.cli.commands.runs:cancel", "Stop a run on Kubeflow"),
        "retry": LazyCommand("pipelines.cli.commands.runs:retry", "Run a failed run on Kubeflow again"),
    },
    "Continuous training": {
        "watch": LazyCommand("pipelines.cli.commands.continuous.watch:watch", "Train and deploy models as their policies say"),
        "decisions": LazyCommand("pipelines.cli.commands.continuous.watch:decisions", "List what was decided about a model, and why"),
        "policy": LazyCommand("pipelines.cli.commands.continuous.policy:policy", "Show for which reasons a model is trained again"),
        "staleness": LazyCommand("pipelines.cli.commands.continuous.staleness:staleness", "Tell how fast a model's versions age"),
        "request": LazyCommand("pipelines.cli.commands.continuous.watch:request", "Ask for a training when nothing is against it"),
        "approve": LazyCommand("pipelines.cli.commands.continuous.watch:approve", "Deploy the version of a decision that waits"),
        "pause": LazyCommand("pipelines.cli.commands.continuous.watch:pause", "Let no training of a model start by itself"),
        "resume": LazyCommand("pipelines.cli.commands.continuous.watch:resume", "Let trainings of a model start again"),
    },
    "Versions": {
        "models": LazyCommand("pipelines.cli.commands.versions:models", "List the models and their live versions"),
        "versions": LazyCommand("pipelines.cli.commands.versions:versions", "List the versions of a model"),
        "show": LazyCommand("pipelines.cli.commands.versions:show", "Show everything about a version"),
        "lineage": LazyCommand("pipelines.cli.commands.versions:lineage", "Show a version's way from data to deployments"),
        "compare": LazyCommand("pipelines.cli.commands.compare:compare", "Explain why two versions differ, or one went bad"),
        "pull": LazyCommand("pipelines.cli.commands.storage:pull", "Download a version, every file checked"),
        "export": LazyCommand("pipelines.cli.commands.export:export", "Export a version: model card, MLflow, Vertex AI"),
    },
    "Deployment": {
        "deploy": LazyCommand("pipelines.cli.commands.deploy:deploy", "Deploy a version to a target"),
        "rollback": LazyCommand("pipelines.cli.commands.deploy:rollback", "Deploy the version that was live before"),
        "history": LazyCommand("pipelines.cli.commands.versions:history", "List the deployments of a model"),
        "retire": LazyCommand("pipelines.cli.commands.versions:retire", "Exclude a version from deployment for good"),
    },
    "Predictions": {
        "serve": LazyCommand("pipelines.cli.commands.serving:serve", "Serve what is live on a target over HTTP"),
        "predict": LazyCommand("pipelines.cli.commands.serving:predict", "Score the rows of a file or query"),
        "explain": LazyCommand("pipelines.cli.commands.serving:explain", "Score a logged request again, to the bit"),
        "monitor": LazyCommand("pipelines.cli.commands.monitoring:monitor", "Measure what was served, day by day"),
        "alarms": LazyCommand("pipelines.cli.commands.monitoring:alarms", "List, acknowledge and mute alarms"),
    },
    "Upkeep": {
        "migrate": LazyCommand("pipelines.cli.commands.services:migrate", "Update the registry's tables; create its bucket"),
        "verify": LazyCommand("pipelines.cli.commands.storage:verify", "Check the stored bytes of versions"),
        "restore": LazyCommand("pipelines.cli.commands.storage:restore", "Restore missing or damaged bytes of a version"),
        "gc": LazyCommand("pipelines.cli.commands.storage:collect_garbage", "Remove bytes that no version needs"),
    },
    "Local services": {
        "up": LazyCommand("pipelines.cli.commands.services:up", "Start the emulators"),
        "down": LazyCommand("pipelines.cli.commands.services:down", "Stop the emulators"),
        "status": LazyCommand("pipelines.cli.commands.services:status", "Show whether the emulators run, and where"),
        "doctor": LazyCommand("pipelines.cli.commands.doctor:doctor", "Check this machine, and say how to put it right"),
    },
}
"""The commands by name, in the sections and the order of the help."""


@click.group(cls=LazyGroup, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="perennial")
def main() -> None:
    """Keep models alive on Google Cloud: train, evaluate, deploy and compare them, and explain why one went bad."""
    os.umask(OTHERS)
