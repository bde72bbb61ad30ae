"""Two versions side by side: their data, their metrics, their code, and everything else that made them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import sqlalchemy as sa

from components.cloud import Cloud
from components.comparison.compare import DataComparison, Side, Subject, compare_profiles
from components.comparison.sentences import culprit, describe, is_break, is_clear, leading, sentence, subject
from components.database.statements import execute
from components.diagnosis.around import days_around
from components.diagnosis.code import FileDifference, compare_code, read_code
from components.diagnosis.metrics import MetricDifference, compare_metrics
from components.diagnosis.sides import Operand, recorded_operand
from components.errors import RegistryError
from components.model.column_lineage import trace
from components.model.folder import Model
from components.profiles.profile import Profiles
from components.registry.history import VersionStory, read_version
from components.registry.reference import REFERENCE, referenced_version
from components.runs.record import RecordedRun, Task, read_run, read_tasks
from components.wording import legible


@dataclass(frozen=True)
class FactDifference:
    """A package, parameter, component or the like that differs; None on a side that lacks it."""

    kind: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class VersionOrRun:
    """What is compared: a version, or a run that produced no version because it was blocked or failed."""

    name: str
    run: RecordedRun
    tasks: tuple[Task, ...]
    snapshot_id: str
    story: VersionStory | None
    """None for a run without a version, which has neither bytes nor metrics."""


@dataclass(frozen=True, kw_only=True)
class VersionComparison:
    """Everything that differs between two versions."""

    model: str
    before: VersionOrRun
    after: VersionOrRun
    data: DataComparison
    notes: tuple[str, ...]
    metrics: tuple[MetricDifference, ...]
    files: tuple[FileDifference, ...] | None
    """None if one side has no version, and so no code."""
    facts: tuple[FactDifference, ...]

    @property
    def broken(self) -> dict[str, str]:
        """What is broken in the data of one of the versions, in one sentence, by its name; empty where nothing is."""
        top = leading(self.data)
        if top is None or not is_break(top):
            return {}
        return {top.odd[0] if top.odd else self.data.after: sentence(top)}

    @property
    def culprit(self) -> str:
        """What most likely makes them different: data if they are the likelier cause, else the code, else what else differs."""
        top = leading(self.data)
        own_query = top is not None and top.subject == Subject.FEATURE and any(file.path == "source.sql" for file in self.files or ())
        if own_query and top is not None and top.column is not None:
            return f"Likely culprit: source.sql, which differs: feature {legible(top.name)}: {describe(top.column)}"
        if top is not None and is_clear(top):
            return culprit(self.data)
        if self.files:
            return f"Likely culprit: the code, {' and '.join(legible(file.path) for file in self.files)}; {_data_in_short(self.data)}"
        packages = [fact for fact in self.facts if fact.kind in ("package", "component")]
        if packages:
            named = ", ".join(f"{fact.kind} {fact.name} {fact.before or 'absent'} → {fact.after or 'absent'}" for fact in packages[:3])
            return f"Likely culprit: {named}; {_data_in_short(self.data)}"
        return culprit(self.data)


def _data_in_short(data: DataComparison) -> str:
    if data.is_same:
        return "the data are the same"
    top = leading(data)
    return f"of the data, {subject(top)} differs most, which is little" if top else "the data differ in no more than chance explains"


def compare_operands(
    model: Model, before: Operand, after: Operand, *, sql: str | None = None, others: Callable[[], Profiles] = dict
) -> DataComparison:
    """Compare the data of two operands.

    A log may lack features, and has no label; today's rows have none yet either. What only one of them can have is not compared.

    Args:
        model: names the key, the label, and columns that are no cause.
        before: one of them.
        after: the other one.
        sql: the query whose lineage counts; by default it is the model's own.
        others: other partitions of the source, which are asked for if the two differ enough for it to matter which of them is odd.
    """
    one, other = before.side, after.side
    if before.is_log or after.is_log:
        one, other = _common_features(one, other)
    else:
        one, other = _unlabelled(model, one, other)
    features = tuple(dict.fromkeys(name for side in (other, one) for table in side.rows.values() for name in table)) or _features(model)
    snapshots = [operand.snapshot for operand in (after, before) if operand.snapshot]
    columns = dict.fromkeys(name for snapshot in snapshots for name, _ in snapshot.columns)
    lineage = trace(sql or model.text("source.sql"), list(columns), features, key=model.rows.key)
    lineage = replace(lineage, keys=lineage.keys | {model.rows.key})  # by its name, too, where the query could not be read
    field = snapshots[0].partition_field if snapshots else None
    compare = partial(compare_profiles, one, other, lineage, partition_field=field, ignored=model.checks.ignore)
    found = compare()
    top = leading(found)
    return compare(others=around) if top and is_clear(top) and (around := others()) else found


def _unlabelled(model: Model, before: Side, after: Side) -> tuple[Side, Side]:
    """Both sides without the label, if one of them cannot have it; else as they are."""
    if all(any(model.rows.label in table for table in side.rows.values()) for side in (before, after)):
        return before, after
    one, other = (replace(side, rows=_without(side.rows, model.rows.label)) for side in (before, after))
    return one, other


def _without(rows: Profiles, column: str) -> Profiles:
    return {part: {name: profile for name, profile in table.items() if name != column} for part, table in rows.items()}


def _features(model: Model) -> tuple[str, ...]:
    from components.snapshot.columns import read_features  # brings BigQuery's client, two seconds

    return tuple(read_features(model))


def _common_features(before: Side, after: Side) -> tuple[Side, Side]:
    """Drop the columns that only one side has: a log has no label, and may lack features."""
    names = [{name for table in side.rows.values() for name in table} for side in (before, after)]
    common = names[0] & names[1]

    def only(rows: Profiles) -> Profiles:
        return {part: {name: column for name, column in table.items() if name in common} for part, table in rows.items()}

    return replace(before, rows=only(before.rows)), replace(after, rows=only(after.rows))


def compare_versions(cloud: Cloud, model: Model, before: str, after: str) -> VersionComparison:
    """Compare two versions; each is named by its number, or by the id of a run, such as one that a gate blocked.

    Raises:
        RegistryError: there is no such version or run, or the run pinned no data.
        AccessError: a service refuses or does not answer.
    """
    with cloud.engine.connect() as connection:
        sides = [read_version_or_run(connection, model, text) for text in (before, after)]
    one, other = sides
    if one.name == other.name:
        raise RegistryError(f"{one.name} of {model.name} cannot be compared with itself: name two (`perennial versions {model.name}`)")
    documents = [side.story.snapshot.document if side.story else None for side in sides]
    operands = [
        recorded_operand(cloud, model, side.snapshot_id, name=side.name, document=document)
        for side, document in zip(sides, documents, strict=True)
    ]
    stories = [side.story for side in sides if side.story]
    files = compare_code(cloud.storage, stories[0].manifest, stories[1].manifest) if len(stories) == 2 else None
    sql = read_code(cloud.storage, stories[-1].manifest, "source.sql") if stories else None
    return VersionComparison(
        model=model.name,
        before=one,
        after=other,
        data=compare_operands(model, *operands, sql=sql, others=lambda: days_around(cloud, model, operands)),
        notes=tuple(note for operand in operands for note in operand.notes),
        metrics=compare_metrics(stories[0].own_metrics, stories[1].own_metrics) if len(stories) == 2 else (),
        files=files,
        facts=_compare_facts(one, other),
    )


def read_version_or_run(connection: sa.Connection, model: Model, text: str) -> VersionOrRun:
    """The version that a number such as `3` or `v3`, or a reference such as `live`, means; or the run of that id.

    Raises:
        RegistryError: it does not exist, belongs to another model, or pinned no data.
    """
    number = text.removeprefix("v")
    if REFERENCE.fullmatch(text):
        number = str(referenced_version(connection, model.name, text))
    if number.isdigit():
        story = read_version(connection, model.name, int(number))
        name, snapshot_id = f"version {story.number}", story.snapshot.snapshot_id
        return VersionOrRun(name=name, run=story.run, tasks=story.tasks, snapshot_id=snapshot_id, story=story)
    run = read_run(connection, text)
    pinned = execute(connection, "compare.snapshots_of_run", run_id=text).scalars().first()
    tasks = read_tasks(connection, text)
    if run.run.model != model.name:
        raise RegistryError(f"run {text!r} is one of model {run.run.model!r}, not of {model.name!r}: name that model")
    if pinned is None:
        raise RegistryError(
            f"run {text!r} pinned no data ({run.state}: {run.error or 'no error'}): "
            f"compare its window by date with `perennial compare-data {model.name} vNUMBER DATE`"
        )
    return VersionOrRun(name=f"run {text}", run=run, tasks=tasks, snapshot_id=str(pinned), story=None)


def _compare_facts(before: VersionOrRun, after: VersionOrRun) -> tuple[FactDifference, ...]:
    """The parameters, packages, components, environment, image, machine and commit that differ."""
    kinds = {
        "parameter": [{name: str(value) for name, value in side.run.run.parameters.items()} for side in (before, after)],
        "package": [dict(side.run.run.package_versions) for side in (before, after)],
        "component": [{task.task_name: task.component_version for task in side.tasks} for side in (before, after)],
        "made of": [_origin(side) for side in (before, after)],
    }
    return tuple(
        FactDifference(kind, name, old.get(name), new.get(name))
        for kind, (old, new) in kinds.items()
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and (old and new)
    )


def _origin(side: VersionOrRun) -> dict[str, str]:
    run = side.run.run
    values = {
        "environment (uv.lock)": run.environment_digest,
        "image": run.image_digest,
        "git commit": run.commit,
        "pipeline": run.pipeline_version,
        "snapshot": side.snapshot_id,
        "machine": side.story.training_machine if side.story else None,
        "model folder": side.story.code_sha256 if side.story else None,
    }
    return {name: value for name, value in values.items() if value is not None}
