"""Why a second training differs from the first: the data under it, and what else the registry knows that may have changed."""

from collections.abc import Mapping, Sequence
from datetime import date

from components.google import bigquery_client
from components.model.folder import Model
from components.registry.history import VersionStory
from components.runs.machine import machine_kind
from components.runs.provenance import component_version, environment_digest, package_versions, pipeline_version
from components.runs.record import Run
from components.settings import Settings
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import Snapshot
from components.snapshot.partitions import PartitionRange, current_time, read_partitions
from components.snapshot.rewritten import PartitionChange, partition_changes
from components.snapshot.window import span_history_start, span_label_end

SHOWN = 8
"""Days or packages that a sentence names."""


def data_causes(settings: Settings, model: Model, pinned: Snapshot) -> list[str]:
    """Whether table and query are still those that were pinned.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    causes = []
    first, last = pinned.partitions[0].day, pinned.partitions[-1].day
    names = tuple(name for name, _ in pinned.columns)
    window = PartitionRange(pinned.snapshot_table, pinned.partition_field, first, last, names, kind=pinned.partition_type)
    client = bigquery_client(settings)
    with bigquery_errors(settings, f"partitions of {pinned.snapshot_table}", remedy="the table that was pinned is another one now"):
        changes = partition_changes(pinned.partitions, read_partitions(client, settings, window, current_time(client)))
    if changes:
        causes.append(_rewritten(model, pinned, changes))
    query = model.query_sha256
    if query != pinned.query_sha256:
        causes.append(f"source.sql: the snapshot was pinned for {_short(pinned.query_sha256)}, kept with the version is {_short(query)}")
    return causes or ["pinned rows and source.sql are what they were: another way from rows to examples"]


def _rewritten(model: Model, pinned: Snapshot, changes: tuple[PartitionChange, ...]) -> str:
    days = [change.day for change in changes]
    spans = [span for span in pinned.spans if any(_sees(model, span, day) for day in days)]
    return (
        f"{pinned.snapshot_table} does not hold the rows that were pinned in {len(days)} of {len(pinned.partitions)} partitions "
        f"({_named(days)}), which the spans {_named(spans)} can see"
    )


def _sees(model: Model, span: date, day: date) -> bool:
    return span_history_start(model, span) <= day <= span_label_end(model, span)


def environment_causes(settings: Settings, story: VersionStory, rooms: Mapping[str, str]) -> list[str]:
    """What made the version and differs here and now: packages, Perennial's own code, the machine, Beam's arguments.

    Args:
        settings: of this run.
        story: of the version.
        rooms: the room of `components` of every step, by the step's name.
    """
    run = story.run.run
    beam, machine = run.parameters.get("beam_args"), story.training_machine
    causes = [*_packages(run), *_code(story, rooms)]
    if machine != machine_kind():
        causes.append(f"machine: {machine} then, {machine_kind()} now")
    if beam != list(settings.beam_args):
        causes.append(f"beam_args: {beam} then, {list(settings.beam_args)} now")
    return causes


def _packages(run: Run) -> list[str]:
    causes = []
    if run.environment_digest != environment_digest():
        causes.append(f"uv.lock: {_short(run.environment_digest)} then, {_short(environment_digest())} now")
    then, now = run.package_versions, package_versions()
    changed = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    if changed:
        pairs = [f"{name} {then.get(name, 'absent')} → {now.get(name, 'absent')}" for name in changed]
        causes.append(f"packages: {_named(pairs)}")
    return causes


def _code(story: VersionStory, rooms: Mapping[str, str]) -> list[str]:
    run, now = story.run.run, pipeline_version()
    if run.pipeline_version == now:
        return []
    versions = {task.task_name: task.component_version for task in story.tasks if task.task_name in rooms}
    changed = [name for name, version in versions.items() if version != component_version(rooms[name])]
    where = f", in what the steps {', '.join(changed)} import" if changed else ", in nothing that a step imports"
    made = f" (commit {run.git_commit[:7]}{' with local changes' if run.git_dirty else ''})" if run.git_commit else ""
    return [f"Perennial's components: {run.pipeline_version}{made} then, {now} now{where}"]


def _named(things: Sequence[object]) -> str:
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return ", ".join(map(str, things[:SHOWN])) + more


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
