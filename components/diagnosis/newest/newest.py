"""Evaluate one or two versions on the newest data: their predictions on the same rows, their metrics then and now, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from components.cloud import Cloud
from components.comparison.compare import DataComparison, Side
from components.comparison.sentences import leading
from components.diagnosis.around import days_around
from components.diagnosis.metrics import MetricDifference, compare_metrics
from components.diagnosis.newest.loaded_version import LoadedVersion, load_version
from components.diagnosis.newest.metrics_now import worse
from components.diagnosis.newest.predict import NewestPredictions, Progress, predict_newest
from components.diagnosis.newest.predictions import SideBySide
from components.diagnosis.newest.rows import FedRows, read_rows
from components.diagnosis.newest.sample import Sample
from components.diagnosis.newest.source_changes import broken, describe_change
from components.diagnosis.newest.verdict import Between, Evidence, Verdict, decide
from components.diagnosis.newest.version_now import VersionNow
from components.diagnosis.newest.window import NewestWindow, choose_day, describe_newest
from components.diagnosis.sides import Operand, profile_partitions, recorded_operand
from components.diagnosis.versions import compare_operands
from components.errors import SourceError
from components.model.folder import Model
from components.profiles.profile import Profiles
from components.registry.history import VersionStory
from components.snapshot.source import read_history, read_source_table
from components.wording import count

CULPRIT = "Likely culprit: "


@dataclass(frozen=True, kw_only=True)
class NewestData:
    """The source's newest data compared with what a version was trained on: the older one if something broke since, else the newer."""

    through: date
    judged: tuple[date, ...]
    """The labelled spans that versions are measured on."""
    learned: tuple[date, ...]
    """The labelled spans of the newest window that the newer version was trained on."""
    is_newer: bool
    """Whether the newer version was not trained on the judged spans."""
    then: date
    """The last span that the newer version was trained on."""
    comparison: DataComparison
    fault: str | None
    """What broke, in one sentence."""
    shift: str | None
    """What differs most, whether it broke or not."""
    mended: str | None = None
    """What was broken in the data that the version was trained on, and is not any more, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The result of the evaluation. What could not be found out is None or empty, and a note says why."""

    verdict: Verdict
    versions: tuple[VersionNow, ...]
    """One version, or the older and the newer one."""
    data: NewestData | None
    """None if the source itself cannot be read."""
    side_by_side: SideBySide | None
    """The predictions of two versions on today's rows."""
    on_same_rows: tuple[MetricDifference, ...]
    """The metrics of two versions on the newest labelled rows: the older one's before, the newer one's after."""
    notes: tuple[str, ...]


def newest_culprit(newest: Newest | None, otherwise: str) -> str:
    """What is wrong with the data, or `otherwise`, what makes the versions different: no culprit where nothing is wrong."""
    if newest and newest.verdict.cause:
        return f"{CULPRIT}{newest.verdict.cause}"
    is_healthy = newest is not None and newest.verdict.is_healthy
    return otherwise.replace(CULPRIT, "What differs most: ", 1) if is_healthy else otherwise


def measured_on(data: NewestData | None) -> str:
    """Which labelled rows the versions were measured on."""
    if data is None or not data.judged:
        return "newer labelled rows: there are none"
    if not data.is_newer:
        return f"the labelled spans {_days(data.judged)}, the rows that the training of the newer version left out"
    seen = f"; {len(data.learned)} more it was" if data.learned else ""
    return f"the labelled spans {_days(data.judged)}, which the newer version was not trained on{seen}"


def _days(days: Sequence[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)})"


def look_at_newest(
    cloud: Cloud, model: Model, stories: Sequence[VersionStory], *, between: Between, through: date | None, progress: Progress
) -> Newest:
    """Evaluate one or two versions on the newest data of the source.

    Args:
        cloud: the services.
        model: the model of the versions.
        stories: the versions.
        between: what was found between the two versions.
        through: the last partition to use; None is the newest one.
        progress: called with a sentence that says what is done next.

    Raises:
        SourceError: the source has no partition at `through`.
        AccessError: a service refuses or does not answer.
    """
    versions = [load_version(cloud, model, story) for story in sorted(stories, key=lambda story: story.number)]
    newer = versions[-1]
    progress(f"reading the newest rows of {newer.model.source.table}")
    try:
        history = read_history(cloud, read_source_table(cloud, newer.model), newer.model.source.partition_field)
    except SourceError as error:
        unknown = tuple(VersionNow(name=version.name, number=version.story.number, problem=str(error)) for version in versions)
        return _judge(versions, NewestPredictions(versions=unknown), None, unreadable=str(error), between=between)
    day = choose_day(newer.model, through, history)
    learned = [version.learned for version in versions]
    window = describe_newest(cloud, newer.model, learned, day=day, history=history)
    rows = read_rows(cloud, versions, window, learned[-1])
    data = _since_trained(cloud, versions[0], newer, window, rows[-1].profiles)
    broken_then = {versions[0].name: data.mended}
    if len(versions) > 1 and data.fault is None:
        data = _since_trained(cloud, newer, newer, window, rows[-1].profiles)
        broken_then[newer.name] = data.mended
    between = replace(between, broken={name: what for name, what in broken_then.items() if what} | dict(between.broken))
    unreadable = rows[-1].unreadable if all(fed.unreadable for fed in rows) else None
    predictions = predict_newest(cloud.settings, versions, rows, progress=progress)
    notes = _notes(versions, window, rows[-1], predictions)
    return _judge(versions, predictions, data, unreadable=unreadable, between=between, notes=notes)


def _since_trained(cloud: Cloud, version: LoadedVersion, newer: LoadedVersion, window: NewestWindow, rows: Profiles) -> NewestData:
    """What happened to the data since a version was trained."""
    model = newer.model
    before = recorded_operand(cloud, model, version.story.snapshot.snapshot_id, name=version.name)
    source = profile_partitions(cloud, model, window.snapshot, as_of=window.described_at, known=before.side.source)
    after = Operand(side=Side(name=f"data through {window.through}", source=source, rows=rows), snapshot=window.snapshot)
    comparison = compare_operands(model, before, after, others=partial(days_around, cloud, model, (before, after)))
    first = min((*comparison.partitions.rewritten, *comparison.partitions.added), default=None)
    fault, mended, most = broken(comparison), broken(comparison, before=True), leading(comparison)
    return NewestData(
        through=window.through,
        judged=window.judged,
        learned=window.learned,
        is_newer=window.is_newer,
        then=newer.learned.spans[-1],
        comparison=comparison,
        fault=describe_change(fault, model.source.table, first) if fault else None,
        mended=describe_change(mended, model.source.table, first) if mended else None,
        shift=describe_change(most, model.source.table, first) if most and most.score else None,
    )


def _judge(
    versions: Sequence[LoadedVersion],
    predictions: NewestPredictions,
    data: NewestData | None,
    *,
    unreadable: str | None,
    between: Between,
    notes: Sequence[str] = (),
) -> Newest:
    evidence = Evidence(
        versions=predictions.versions,
        newer_worse=worse(predictions.on_same_rows),
        older_worse=worse([metric.turned for metric in predictions.on_same_rows]),
        fault=data.fault if data else None,
        shift=data.shift if data else None,
        between=between,
        newer_fell=bool(worse(_across(predictions.versions))),
        is_judged=any(version.differences for version in predictions.versions),
        on_same_rows=bool(predictions.on_same_rows),
        unreadable=unreadable,
    )
    return Newest(
        verdict=decide(evidence),
        data=data,
        notes=(*(version.note for version in versions if version.note), *notes),
        **vars(predictions),
    )


def _across(versions: Sequence[VersionNow]) -> tuple[MetricDifference, ...]:
    """Compare the older version's metrics when it was made with the newer one's of today."""
    then, now = versions[0].differences, versions[-1].differences
    return compare_metrics([metric.before for metric in then if metric.before], [metric.after for metric in now if metric.after])


def _notes(versions: Sequence[LoadedVersion], window: NewestWindow, rows: FedRows, predictions: NewestPredictions) -> list[str]:
    """Which rows were taken, and what was left out."""
    newer, notes = versions[-1], []
    if window.learned and not window.is_newer:
        left = "both are measured on the rows of it that training leaves out" if window.judged else "nothing newer to measure it by"
        notes.append(f"every labelled span of the newest window is what {newer.name} was trained on: {left}")
    elif not window.judged:
        notes.append(f"the source has no whole window of labelled spans through {window.through}: nothing to measure versions by")
    samples = (("of today", rows.today), ("with new labels", rows.judged), ("of then", rows.then))
    notes += [_sampled(what, sample, newer.model) for what, sample in samples if sample and not sample.is_whole]
    if rows.then is None and not rows.unreadable:
        notes.append(f"the rows that {newer.name} was trained on are not kept any more: what it predicted then is not known")
    notes += [f"{version.name} refuses rows: {version.refusal}" for version in predictions.versions if version.refusal]
    return notes


def _sampled(what: str, sample: Sample, model: Model) -> str:
    return f"{count(sample.rows.num_rows)} of {count(sample.total)} rows {what}, those whose {model.rows.key} has the smallest hash"
