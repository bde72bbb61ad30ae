"""Why something is wrong with a live version, by the comparison of data that `perennial compare` rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from components.checks.findings import Finding
from components.comparison.compare import DataComparison, Difference, Subject
from components.comparison.sentences import leading
from components.diagnosis.newest.source_changes import broken, describe_change
from components.looks.data_check import DataCheck
from components.monitoring.alarms import AlarmCause, AlarmKind
from components.monitoring.inputs import range_text
from components.monitoring.live_metrics.worse import OVERALL
from components.monitoring.record import FeatureDay, LiveDay, newest_compared
from components.monitoring.troubles import Trouble
from components.policy.facts import Cause
from components.profiles.codes import spelling
from components.succession.shortfall import Shortfall

LEAST_DAYS = 5
"""Days of either version that it takes to tell them apart if they did not serve at the same time."""
OF_NEW_ROWS = (DataCheck.UNSEEN, DataCheck.COVERAGE, DataCheck.RANGE, DataCheck.ROWS, DataCheck.DRIFT)
"""What the gate finds where rows come of a kind that never came before, and nothing broke."""
REFUSED = "whoever asks sends rows that the model does not take; the service's log says which fields"
CALLER = "the service is given another {} than source.sql computes"


@dataclass(frozen=True, kw_only=True)
class CauseEvidence:
    """What the cause of a trouble is found by."""

    untrained: dict[str, frozenset[str]]
    """The values that were served and never trained on, by feature."""
    data: DataComparison | None
    """What the version was trained on, held against the source's newest partitions and what was served; None if they cannot be read."""
    table: str
    before: Sequence[LiveDay]
    """The last days of the version that served before."""
    own: Sequence[LiveDay]
    """All days of this one."""
    history_days: int = 1
    """Days of the source that a row of source.sql is made of: of several, no single partition says what a feature comes to."""
    findings: Sequence[Finding] = ()
    """What the gate finds in the source's newest partitions: first what it would not let through, the likely culprit before the others."""
    unreadable: str = ""
    shortfall: Shortfall | None = None
    """By how much this version is worse than the one before it on the same rows; None if it is not, or if nobody can say."""

    def compared(self, trouble: Trouble) -> dict[str, FeatureDay]:
        """The features that were held against what source.sql gives, since the trouble is there."""
        day = newest_compared(self.own)
        return day.compared if day is not None and day.served.day >= trouble.since else {}


def find_cause(trouble: Trouble, evidence: CauseEvidence) -> AlarmCause:
    """The likeliest cause: a fault of the data before what was never trained on, then the version itself, and the world at last."""
    if trouble.kind is AlarmKind.SERVICE:
        return AlarmCause(kind=Cause.SERVING_FAULT, slice={}, since=trouble.since, sentence=REFUSED)
    found = _of_source(trouble, evidence) or _of_caller(trouble, evidence)
    if found is not None:
        return found
    if trouble.kind is AlarmKind.COVERAGE:
        return _coverage(trouble.subject, trouble.values[trouble.subject], trouble.since)
    column = _untrained_column(trouble, evidence)
    if column is not None:
        return _coverage(column, evidence.untrained[column], trouble.since)
    if trouble.kind is AlarmKind.METRIC:
        return _of_metric(trouble, evidence)
    if evidence.data is None:
        return AlarmCause(kind=Cause.UNKNOWN, slice={}, since=trouble.since, sentence=f"not known: {evidence.unreadable}")
    return _of_feature(trouble, evidence, evidence.data)


def _of_source(trouble: Trouble, evidence: CauseEvidence) -> AlarmCause | None:
    """A column of the source that broke: what the gate finds in its newest partitions, or what differs from the training by a fault."""
    if evidence.data is None:
        return None
    is_metric = trouble.kind is AlarmKind.METRIC
    feeds = evidence.data.lineage.fed_by
    findings = (one for one in evidence.findings if _explains(one, trouble, evidence))
    finding = next((one for one in findings if is_metric or trouble.subject in {one.column, *feeds(one.column)}), None)
    if finding is not None:
        sentence = f"the source broke: column {finding.column} of {evidence.table} {finding.what}"
        return AlarmCause(kind=Cause.BROKEN_SOURCE, column=finding.column, slice={}, since=finding.since, sentence=sentence)
    fault = broken(evidence.data)
    if fault is None or fault.column is None or fault.subject is not Subject.SOURCE or not (is_metric or trouble.subject in fault.fed):
        return None
    sentence = f"the source broke: {describe_change(fault, evidence.table, None)}"
    return AlarmCause(kind=Cause.BROKEN_SOURCE, column=fault.name, slice={}, since=fault.column.since, sentence=sentence)


def _explains(finding: Finding, trouble: Trouble, evidence: CauseEvidence) -> bool:
    """Whether something is wrong by what the gate finds. New rows bring new values, which are a fault only if they are the old ones in
    another spelling; and that a clock was moved, which may be right for a day, explains them better than that there are such hours."""
    if trouble.kind is not AlarmKind.COVERAGE:
        return finding.blocks
    is_of_new_rows = finding.check in OF_NEW_ROWS and not _respelt(trouble, evidence)
    return finding.check is DataCheck.TIME_ZONE or (finding.blocks and not is_of_new_rows)


def _respelt(trouble: Trouble, evidence: CauseEvidence) -> tuple[str, str] | None:
    """A value that was never trained on, and the trained one of which it is another spelling, if most of them are such."""
    trained = next((one.whole_before for one in evidence.data.features if one.name == trouble.subject), None) if evidence.data else None
    known = {spelling(value): value for value in trained.values} if trained else {}
    new = sorted(trouble.values.get(trouble.subject, ()))
    twins = [(value, known[spelling(value)]) for value in new if spelling(value) in known]
    return twins[0] if 2 * len(twins) > len(new) else None


def _of_caller(trouble: Trouble, evidence: CauseEvidence) -> AlarmCause | None:
    """A feature of which the service is given something else than source.sql computes for the same day.

    Where rows are served that were never trained on, source.sql may leave them out, and other features differ with them.
    """
    known = evidence.compared(trouble)
    if trouble.kind is AlarmKind.COVERAGE:
        return _of_spelling(trouble, evidence) if trouble.subject not in known or known[trouble.subject].is_skewed else None
    is_metric = trouble.kind is AlarmKind.METRIC
    if known and (is_metric or trouble.subject in known):
        skewed = {name: one.skew or 0.0 for name, one in known.items() if one.is_skewed}
        column = max(skewed, key=lambda name: skewed[name], default=None) if is_metric else trouble.subject
        if column not in skewed or (is_metric and skewed.keys() & evidence.untrained.keys()):
            return None
        return AlarmCause(kind=Cause.SERVING_FAULT, column=column, slice={}, since=trouble.since, sentence=CALLER.format(column))
    fault = broken(evidence.data) if evidence.data else None
    if fault is None or fault.column is None or fault.subject is Subject.SOURCE or fault.name in evidence.untrained:
        return None
    return _serving_fault(trouble, fault, evidence)


def _of_spelling(trouble: Trouble, evidence: CauseEvidence) -> AlarmCause | None:
    """Values that were trained on, and are served in another spelling."""
    if (twins := _respelt(trouble, evidence)) is None:
        return None
    new, old = twins
    sentence = f"{CALLER.format(trouble.subject)}: {new!r} for {old!r}"
    return AlarmCause(kind=Cause.SERVING_FAULT, column=trouble.subject, slice={}, since=trouble.since, sentence=sentence)


def _of_feature(trouble: Trouble, evidence: CauseEvidence, data: DataComparison) -> AlarmCause:
    """Why a feature is otherwise of which nothing broke."""
    feature, shift = trouble.subject, _source_shift(data, trouble.subject)
    kind, column, known = Cause.CHANGED_WORLD, feature, evidence.compared(trouble)
    if shift is not None:
        sentence, column = f"the world moved: {describe_change(shift, evidence.table, None)}", shift.name
    elif feature in known and known[feature].is_part:
        sentence = f"not known: only a part of the rows of source.sql is served, and their {feature} is another than that of the rest"
        kind = Cause.UNKNOWN
    elif feature in known:
        sentence = f"the world moved: source.sql gives such a {feature} too"
    elif evidence.history_days > 1 and _has_only_drifted(feature, evidence):
        sentence = f"not known: no column of {evidence.table} says why {feature}, which may sum up many days, is another"
        kind = Cause.UNKNOWN
    else:
        sentence, kind = CALLER.format(feature), Cause.SERVING_FAULT
    return AlarmCause(kind=kind, column=column, slice={}, since=trouble.since, sentence=sentence)


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
    if evidence.shortfall is not None and not trouble.slice:
        sentence = f"version {evidence.shortfall.before}, asked the same rows, is better: roll back"
        return AlarmCause(kind=Cause.BAD_VERSION, slice={}, since=trouble.since, sentence=sentence)
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
    moved = f": what differs most is {describe_change(most, evidence.table, None)}" if most else ", and no column says how"
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
