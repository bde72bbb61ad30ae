"""One or two versions on the newest data: their predictions on the same rows, their metrics then and now, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from components.cloud import Cloud
from components.diagnosis.data.compare import DataComparison, Side
from components.diagnosis.metrics import MetricDifference, compare_metrics
from components.diagnosis.newest.labelled_rows import broken, sharpen, tell
from components.diagnosis.newest.loaded_version import Kept, read_kept
from components.diagnosis.newest.metrics_now import worse
from components.diagnosis.newest.predict import Asked, Progress, ask
from components.diagnosis.newest.predictions import SideBySide
from components.diagnosis.newest.rows import FedRows, read_rows
from components.diagnosis.newest.sample import Sample
from components.diagnosis.newest.verdict import Evidence, Verdict, decide
from components.diagnosis.newest.version_now import VersionNow
from components.diagnosis.newest.window import NewestWindow, choose_day, describe_newest
from components.diagnosis.sides import Operand, recorded_operand
from components.diagnosis.versions import compare_data
from components.errors import SourceError
from components.model.folder import Model
from components.profiles.profile import Profiles
from components.profiles.source import profile_source
from components.registry.history import VersionStory
from components.snapshot.document import snapshot_from
from components.snapshot.source import partition_range, read_table
from components.wording import count


@dataclass(frozen=True, kw_only=True)
class NewestData:
    """What the source holds today, held against what a version was trained on: the older, if something broke since, else the newer."""

    through: date
    judged: tuple[date, ...]
    """The labelled spans that versions are measured on."""
    learned: tuple[date, ...]
    """Those of the newest window that the newer version was trained on."""
    is_newer: bool
    """Whether it was not trained on the judged ones."""
    then: date
    """The last span that the newer version was trained on."""
    comparison: DataComparison
    """As `sharpen` has it."""
    since: date | None
    """The first partition that it holds against the others, where that is not the window's."""
    fault: str | None
    """What broke, in one sentence."""
    shift: str | None
    """What differs most, whether it broke or not."""


@dataclass(frozen=True, kw_only=True)
class Newest:
    """Everything that was found out. What could not be is None, or empty, and a note says why."""

    verdict: Verdict
    versions: tuple[VersionNow, ...]
    """One, or the older and the newer."""
    data: NewestData | None
    """None where the source itself cannot be read."""
    side_by_side: SideBySide | None
    """Of two versions, on today's rows."""
    on_same_rows: tuple[MetricDifference, ...]
    """Of two versions, on the newest labelled rows: the older one's metrics, then the newer one's."""
    notes: tuple[str, ...]


def newest_culprit(newest: Newest | None, otherwise: str) -> str:
    """The first line: what is wrong with the data, if it is them, else `otherwise`, what makes the versions different."""
    return f"Likely culprit: {newest.verdict.cause}" if newest and newest.verdict.cause else otherwise


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
    cloud: Cloud, model: Model, stories: Sequence[VersionStory], *, difference: str, through: date | None, progress: Progress
) -> Newest:
    """Hold one version, or two, against the newest data of the source.

    Args:
        cloud: the services.
        model: whose versions they are.
        stories: of the versions.
        difference: what most likely makes the one another than the other.
        through: the last partition to use; None is the newest.
        progress: is told what is done next.

    Raises:
        SourceError: the source has no partition at `through`.
        AccessError: a service refuses or does not answer.
    """
    kept = [read_kept(cloud, model, story) for story in sorted(stories, key=lambda one: one.number)]
    newer = kept[-1]
    progress(f"reading the newest rows of {newer.model.source.table}")
    try:
        first, last = partition_range(cloud.warehouse, cloud.settings, read_table(cloud.warehouse, cloud.settings, newer.model))
    except SourceError as error:
        asked = Asked(versions=tuple(VersionNow(name=one.name, number=one.story.number, problem=str(error)) for one in kept))
        return _found(kept, asked, None, unreadable=str(error), difference=difference, notes=())
    day = choose_day(newer.model, through, first, last)
    learned = [snapshot_from(one.story.snapshot.document) for one in kept]
    window = describe_newest(cloud, newer.model, learned, day=day, first=first, last=last)
    rows = read_rows(cloud, kept, window, learned[-1])
    data = _hold_data(cloud, kept[0], newer, window, rows[-1].profiles)
    if len(kept) > 1 and data.fault is None:
        data = _hold_data(cloud, newer, newer, window, rows[-1].profiles)
    unreadable = rows[-1].unreadable if all(one.unreadable for one in rows) else None
    asked = ask(cloud.settings, kept, rows, progress=progress)
    return _found(kept, asked, data, unreadable=unreadable, difference=difference, notes=_notes(kept, window, rows[-1], asked))


def _hold_data(cloud: Cloud, version: Kept, newer: Kept, window: NewestWindow, rows: Profiles) -> NewestData:
    """What happened to the data since a version was trained."""
    model = newer.model
    before = recorded_operand(cloud, model, version.story.snapshot.snapshot_id, name=version.name)
    source = profile_source(cloud.reader, cloud.settings, window.snapshot, before.side.source, as_of=window.described_at)
    after = Operand(side=Side(name=f"data through {window.through}", source=source, rows=rows), snapshot=window.snapshot)
    whole = compare_data(model, before, after)
    comparison, since = sharpen(whole, before.side, after.side, partition_field=window.snapshot.partition_field)
    fault, most = broken(comparison), next(iter(comparison.differences), None)
    first = since or min((*comparison.partitions.rewritten, *comparison.partitions.added), default=None)
    told = [tell(one, model.source.table, first) if one else None for one in (fault, most)]
    return NewestData(
        through=window.through,
        judged=window.judged,
        learned=window.learned,
        is_newer=window.is_newer,
        then=snapshot_from(newer.story.snapshot.document).spans[-1],
        comparison=comparison,
        since=since,
        fault=told[0],
        shift=told[1],
    )


def _found(
    kept: Sequence[Kept], asked: Asked, data: NewestData | None, *, unreadable: str | None, difference: str, notes: Sequence[str]
) -> Newest:
    evidence = Evidence(
        versions=asked.versions,
        newer_worse=worse(asked.on_same_rows),
        older_worse=worse([one.turned for one in asked.on_same_rows]),
        fault=data.fault if data else None,
        shift=data.shift if data else None,
        difference=difference,
        newer_fell=bool(worse(_across(asked.versions))),
        is_judged=any(one.differences for one in asked.versions),
        unreadable=unreadable,
    )
    return Newest(
        verdict=decide(evidence),
        data=data,
        notes=(*(one.note for one in kept if one.note), *notes),
        **vars(asked),
    )


def _across(versions: Sequence[VersionNow]) -> tuple[MetricDifference, ...]:
    """The older version's metrics when it was made, and the newer one's of today."""
    then, now = versions[0].differences, versions[-1].differences
    return compare_metrics([one.before for one in then if one.before], [one.after for one in now if one.after])


def _notes(kept: Sequence[Kept], window: NewestWindow, rows: FedRows, asked: Asked) -> list[str]:
    """Which rows were taken, and what was left out."""
    newer, notes = kept[-1], []
    if window.learned and not window.is_newer:
        left = "both are measured on the rows of it that training leaves out" if window.judged else "nothing newer to measure it by"
        notes.append(f"every labelled span of the newest window is what {newer.name} was trained on: {left}")
    elif not window.judged:
        notes.append(f"the source has no whole window of labelled spans through {window.through}: nothing to measure versions by")
    samples = (("of today", rows.today), ("with new labels", rows.judged), ("of then", rows.then))
    notes += [_sampled(what, sample, newer.model) for what, sample in samples if sample and not sample.is_whole]
    if rows.then is None and not rows.unreadable:
        notes.append(f"the rows that {newer.name} was trained on are not kept any more: what it predicted then is not known")
    notes += [f"{one.name} refuses rows: {one.refusal}" for one in asked.versions if one.refusal]
    return notes


def _sampled(what: str, sample: Sample, model: Model) -> str:
    return f"{count(sample.rows.num_rows)} of {count(sample.total)} rows {what}, those whose {model.rows.key} has the smallest hash"
