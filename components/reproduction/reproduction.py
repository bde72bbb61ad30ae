"""What the steps `begin`, `recall` and `compare` do: train a version again without making one, and say what came out equal."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from google.api_core.exceptions import NotFound
from google.cloud import storage

from components.errors import RegistryError, SourceError
from components.evaluation.results import read_results
from components.examples.digest import DIGEST
from components.registry import versions
from components.registry.history import VersionStory, read_version
from components.registry.versions import ModelRole
from components.reproduction.causes import data_causes, environment_causes
from components.reproduction.reproduced import ComparedPart, Comparison, PartVerdict, match_examples, match_metrics, match_weights
from components.runs.new_run import new_run
from components.runs.outcome import Step
from components.runs.provenance import Launch
from components.runs.record import pipeline_tasks, record_tasks, start_run
from components.runs.steps import STEPS, PipelineName
from components.settings import Settings
from components.snapshot import record as snapshots
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import snapshot_from
from components.snapshot.record import DatasetRole
from components.snapshot.step import put_snapshot, snapshot_of
from components.storage.errors import storage_errors
from components.storage.manifest import CODE
from components.storage.objects import pull_file, split_uri
from components.tfx.artifacts import KfpArtifact

MAKERS = ("read", "transform", "train", "evaluate")
"""The steps of a training that examples, weights and metrics come from."""


def pull_code(client: storage.Client, story: VersionStory, folder: Path) -> None:
    """Copy the model's folder as it was when the version was made, every file's SHA-256 checked, to a new local folder.

    Raises:
        RegistryError: the version was pushed without it, or files are missing or have other bytes.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    prefix = f"{CODE.as_posix()}/"
    entries = [entry for entry in story.manifest.entries if entry.path.startswith(prefix)]
    if not entries:
        raise RegistryError(
            f"{story.model} version {story.number} was pushed without its code ({story.manifest.uri} has no {prefix}), "
            f"so that it cannot be trained again: choose another with `perennial versions {story.model}`"
        )
    bucket, place = split_uri(story.manifest.uri)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with storage_errors(bucket), tempfile.TemporaryDirectory(dir=folder.parent, prefix=".pull-") as temporary:
        for entry in entries:
            pull_file(client.bucket(bucket), place, entry, Path(temporary))
        (Path(temporary) / CODE).rename(folder)


def record_reproduction(connection: sa.Connection, settings: Settings, run_id: str, story: VersionStory, launch: str) -> None:
    """Record the start of the run, and which version it trains again."""
    known = Launch.from_json(launch)
    parameters = {"model": story.model, "version": story.number, "beam_args": list(settings.beam_args)}
    start_run(connection, new_run(settings, run_id, story.model, known, pipeline_name=PipelineName.REPRODUCTION, parameters=parameters))
    versions.link_run(connection, run_id, ModelRole.BASELINE, story.model, story.number)


def begin_reproduction(step: Step, version: int, launch: str) -> None:
    """Record the start, and hold the model's folder here against the version's.

    Raises:
        RegistryError: there is no such version, or the folder is not the one that the version was trained with.
    """
    with step.cloud.engine.begin() as connection:
        story = read_version(connection, step.model.name, version)
        record_reproduction(connection, step.settings, step.run_id, story, launch)
    code_sha256 = step.model.code_sha256()
    if code_sha256 != story.code_sha256:
        raise RegistryError(
            f"the code kept with {story.model} version {version} has SHA-256 {code_sha256}, it was trained with {story.code_sha256}: "
            f"the model's folder was changed while it was trained; choose another version"
        )


def recall_snapshot(step: Step, version: int, snapshot: KfpArtifact) -> None:
    """Leave the version's own snapshot in the artifact, as the step `pin` did.

    Raises:
        SourceError: the table that kept its rows is gone.
        AccessError: BigQuery refuses or does not answer.
    """
    model = step.model.name
    with step.cloud.engine.begin() as connection:
        recorded = read_version(connection, model, version).snapshot
        with bigquery_errors(step.settings, f"pinned table {recorded.snapshot_table}", remedy="run the same command again"):
            try:
                step.cloud.warehouse.get_table(recorded.snapshot_table, timeout=60)
            except NotFound as error:
                raise SourceError(
                    f"the pinned table {recorded.snapshot_table} of {model} version {version} has expired or was deleted: "
                    f"without it the version cannot be trained again; `perennial train {model}` makes a new one"
                ) from error
        put_snapshot(snapshot_from(recorded.document), snapshot)
        snapshots.link_snapshot(connection, step.run_id, DatasetRole.TRAIN, recorded.snapshot_id)


@dataclass(frozen=True)
class Made:
    """The artifacts of a second training that are compared."""

    snapshot: KfpArtifact
    counts: KfpArtifact
    trained: KfpArtifact
    results: KfpArtifact


def compare_version(step: Step, version: int, made: Made, comparison: KfpArtifact) -> str | None:
    """Hold what was made against the version, and leave the comparison. Returns how it differs, in one sentence; None: it does not.

    Raises:
        AccessError: a service refuses or does not answer.
    """
    with step.cloud.engine.begin() as connection:
        story = read_version(connection, step.model.name, version)
        record_tasks(connection, step.run_id, pipeline_tasks(PipelineName.REPRODUCTION))
    parts = _parts(story, made)
    compared = Comparison(parts, _reasons(step, story, made.snapshot, parts))
    compared.write(Path(comparison.path))
    if not compared.different:
        return None
    return f"{story.model} version {version} is not reproduced: {', '.join(compared.different)} came out different; {compared.reasons[0]}"


def _parts(story: VersionStory, made: Made) -> tuple[ComparedPart, ...]:
    return (
        match_examples(story.examples_sha256, str(made.counts.metadata[DIGEST])),
        match_weights(story.manifest, Path(made.trained.path) / "Format-Serving"),
        match_metrics(story.own_metrics, read_results(Path(made.results.path)).metrics),
    )


def _reasons(step: Step, story: VersionStory, snapshot: KfpArtifact, parts: tuple[ComparedPart, ...]) -> tuple[str, ...]:
    """Why parts differ; empty if none does."""
    examples, *_ = verdicts = [part.verdict for part in parts]
    if PartVerdict.DIFFERENT not in verdicts:
        return ()
    causes = environment_causes(step.settings, story, {name: STEPS[name].room for name in MAKERS})
    if examples != PartVerdict.EQUAL:
        causes = data_causes(step.settings, step.model, snapshot_of(snapshot)) + causes
    return tuple(causes) or ("no cause is recorded: data, code, packages and machine are what they were; look for chance in network.py",)
