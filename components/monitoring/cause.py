"""Why something is wrong with a live version, by the comparison of data that `perennial compare` rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from components.comparison.compare import DataComparison, Difference, Subject
from components.comparison.sentences import leading
from components.diagnosis.newest.source_changes import broken, describe_change
from components.looks.data_check import DataCheck
from components.monitoring.alarms import AlarmCause, AlarmKind
from components.monitoring.inputs import range_text
from components.monitoring.record import LiveDay
from components.monitoring.troubles import OVERALL, Trouble
from components.policy.facts import Cause

LEAST_DAYS = 5
"""Days of either version that it takes to tell them apart if they did not serve at the same time."""


@dataclass(frozen=True, kw_only=True)
class CauseEvidence:
    """What the cause of a trouble is found by."""

    untrained: dict[str, frozenset[str]]
    """The values that were served and never trained on, by feature."""
    data: DataComparison | None
    """What the version was trained on, held against the source's newest partitions and what was served; None if they cannot be read."""
    since: date | None
    """The first partition that is compared, if something broke on it."""
    table: str
    before: Sequence[LiveDay]
    """The last days of the version that served before."""
    own: Sequence[LiveDay]
    """All days of this one."""
    history_days: int = 1
    """Days of the source that a row of source.sql is made of: of several, no single partition says what a feature comes to."""
    unreadable: str = ""


def find_cause(trouble: Trouble, evidence: CauseEvidence) -> AlarmCause:
    """The likeliest cause: a fault of the data before what was never trained on, then the version itself, and the world at last."""
    fault = broken(evidence.data) if evidence.data else None
    if trouble.kind is AlarmKind.COVERAGE and not _is_written_otherwise(fault, trouble.subject):
        return _coverage(trouble.subject, trouble.values[trouble.subject], trouble.since)
    if fault is not None and fault.column is not None and fault.subject is Subject.SOURCE:
        sentence = f"the source broke: {describe_change(fault, evidence.table, evidence.since)}"
        return AlarmCause(
            kind=Cause.BROKEN_SOURCE, column=fault.name, slice={}, since=fault.column.since or evidence.since, sentence=sentence
        )
    if fault is not None and fault.column is not None and fault.name not in evidence.untrained:
        return _serving_fault(trouble, fault, evidence)
    column = _untrained_column(trouble, evidence)
    if column is not None:
        return _coverage(column, evidence.untrained[column], trouble.since)
    if trouble.kind is AlarmKind.METRIC:
        return _of_metric(trouble, evidence)
    if evidence.data is None:
        return AlarmCause(kind=Cause.UNKNOWN, slice={}, since=trouble.since, sentence=f"not known: {evidence.unreadable}")
    shift = _source_shift(evidence.data, trouble.subject)
    if shift is None and evidence.history_days > 1 and _has_only_drifted(trouble.subject, evidence):
        sentence = f"not known: no column of {evidence.table} says why {trouble.subject}, which may sum up many days, is another"
        return AlarmCause(kind=Cause.UNKNOWN, column=trouble.subject, slice={}, since=trouble.since, sentence=sentence)
    if shift is None:
        sentence = f"the service is given another {trouble.subject} than source.sql computes"
        return AlarmCause(kind=Cause.SERVING_FAULT, column=trouble.subject, slice={}, since=trouble.since, sentence=sentence)
    sentence = f"the world moved: {describe_change(shift, evidence.table, None)}"
    return AlarmCause(kind=Cause.CHANGED_WORLD, column=shift.name, slice={}, since=trouble.since, sentence=sentence)


def _is_written_otherwise(fault: Difference | None, feature: str) -> bool:
    """Whether the values that were never trained on come in place of others, which are gone: new ground leaves the old one there."""
    return fault is not None and fault.subject is Subject.SOURCE and feature in fault.fed


def _has_only_drifted(feature: str, evidence: CauseEvidence) -> bool:
    """Whether nothing else was found in a feature on the last day than that it has other values."""
    checks = {found.check for day in evidence.own[-1:] for one in day.inputs if one.name == feature for found in one.findings}
    return checks == {DataCheck.DRIFT}


def _coverage(column: str, values: frozenset[str], since: date) -> AlarmCause:
    text = range_text(sorted(values))
    return AlarmCause(kind=Cause.COVERAGE, column=column, slice={column: text}, since=since, sentence=f"never trained on {column} {text}")


def _serving_fault(trouble: Trouble, fault: Difference, evidence: CauseEvidence) -> AlarmCause:
    since = (fault.column.since if fault.column else None) or trouble.since
    sentence = f"the source is as it was, and the service is given something else: {describe_change(fault, evidence.table, None)}"
    return AlarmCause(kind=Cause.SERVING_FAULT, column=fault.name, slice={}, since=since, sentence=sentence)


def _untrained_column(trouble: Trouble, evidence: CauseEvidence) -> str | None:
    """The column of which the rows that are worse have values that were never trained on."""
    return next((name for name, values in trouble.values.items() if values <= evidence.untrained.get(name, frozenset())), None)


def _source_shift(data: DataComparison, feature: str) -> Difference | None:
    """What has changed in the source that feeds a feature."""
    return next((one for one in data.differences if one.subject is Subject.SOURCE and feature in one.fed), None)


def _of_metric(trouble: Trouble, evidence: CauseEvidence) -> AlarmCause:
    previous = _better_before(trouble, evidence)
    if previous is not None:
        sentence = f"version {previous} was better on such rows, and this one is worse since its first day: roll back"
        return AlarmCause(kind=Cause.BAD_VERSION, slice=trouble.slice, since=trouble.since, sentence=sentence)
    if _is_too_early(trouble, evidence):
        sentence = (
            f"not known yet: it is worse since its first day, and {LEAST_DAYS} days of it tell whether that is the version or the world"
        )
        return AlarmCause(kind=Cause.UNKNOWN, slice=trouble.slice, since=trouble.since, sentence=sentence)
    if evidence.data is None:
        return AlarmCause(kind=Cause.UNKNOWN, slice=trouble.slice, since=trouble.since, sentence=f"not known: {evidence.unreadable}")
    most = leading(evidence.data)
    moved = f": what differs most is {describe_change(most, evidence.table, evidence.since)}" if most else ", and no column says how"
    column = most.name if most else None
    sentence = f"the world moved, and nothing broke{moved}"
    return AlarmCause(kind=Cause.CHANGED_WORLD, column=column, slice=trouble.slice, since=trouble.since, sentence=sentence)


def _better_before(trouble: Trouble, evidence: CauseEvidence) -> int | None:
    """The version before, if it did not have the trouble that this one has since its first day.

    Best is that both were asked on the same days, one of them as a shadow or a canary. Days one after the other tell only if there are
    enough of them: a storm lasts two or three.
    """
    measured = [day for day in evidence.own if day.metrics]
    if not _is_from_the_start(trouble, measured):
        return None
    days = {day.served.day for day in measured}
    same = [day for day in evidence.before if day.served.day in days]
    both = {day.served.day for day in same}
    own, before = ([day for day in measured if day.served.day in both], same) if same else (measured, evidence.before)
    if not same and min(len(own), len(before)) < LEAST_DAYS:
        return None
    now, was = _mean(own, trouble.subject), _mean(before, trouble.subject)
    if now is None or was is None:
        return None
    is_better = abs(was - 1) < abs(now - 1) if trouble.subject == "calibration" else was > now
    return before[-1].served.version if is_better and abs(was - now) > trouble.loss / 2 else None


def _is_from_the_start(trouble: Trouble, measured: Sequence[LiveDay]) -> bool:
    """Whether all rows are worse since the first day on which the version was measured."""
    return bool(measured) and measured[0].served.day >= trouble.since and trouble.subject in OVERALL and not trouble.slice


def _is_too_early(trouble: Trouble, evidence: CauseEvidence) -> bool:
    """Whether some more days of the version are all that it takes to hold it against the one before, which was not asked the same."""
    measured = [day for day in evidence.own if day.metrics]
    were_asked_the_same = {day.served.day for day in measured} & {day.served.day for day in evidence.before}
    return _is_from_the_start(trouble, measured) and not were_asked_the_same and len(measured) < LEAST_DAYS <= len(evidence.before)


def _mean(days: Sequence[LiveDay], name: str) -> float | None:
    values = [
        metric.value for day in days for metric in day.metrics if metric.name == name and not metric.slice and metric.value == metric.value
    ]
    return sum(values) / len(values) if values else None
