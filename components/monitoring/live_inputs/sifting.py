"""Which of what is wrong is an alarm: what costs, and what somebody has to mend."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

from components.checks.findings import Finding
from components.monitoring.alarms import AlarmKind
from components.monitoring.cause import CALLER, CauseEvidence, find_cause
from components.monitoring.record import LiveDay
from components.monitoring.troubles import Trouble
from components.policy.facts import Cause


class NewestFacts(Protocol):
    """What is known of the newest data."""

    @property
    def is_measured(self) -> bool:
        """Whether the last day is new to this run."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What the gate would not let through of the source's newest partitions."""

    @property
    def skew(self) -> frozenset[str] | None:
        """The features of which the service is given something else than source.sql computes for the same day."""

    @property
    def evidence(self) -> CauseEvidence:
        """What the cause of what is wrong is found by."""


def alarming(troubles: Sequence[Trouble], known: Collection[object], newest: NewestFacts, last: LiveDay) -> list[Trouble]:
    """What is to be told of the last day.

    A feature that merely has other values than in training, as the world has, is seen on the page; it is an alarm if the source or the
    caller is to be mended, or if nobody can say. Once it costs, the metric tells. A source that broke, and a caller that gives something
    else, are alarms even where no feature has moved far yet.

    Args:
        troubles: what is wrong with the version.
        known: the identities of the alarms that are open, which go on.
        newest: the newest data; looked at only where the last day is new.
        last: the last day.
    """
    kept = [one for one in troubles if not one.is_drift or one.identity in known]
    if not newest.is_measured:
        return kept
    drifts = [one for one in troubles if one not in kept and find_cause(one, newest.evidence).kind is not Cause.CHANGED_WORLD]
    found = [*kept, *drifts]
    told = {one.subject for one in found if one.kind in (AlarmKind.INPUT, AlarmKind.COVERAGE)}
    differs = newest.skew or frozenset()
    is_left_out = any(one.kind is AlarmKind.COVERAGE and one.subject in differs for one in found)  # rows that source.sql does not give
    skew = frozenset() if is_left_out else differs - told
    found += [_trouble(name, last, CALLER.format(name)) for name in sorted(skew)]
    told |= {*skew}
    for finding in newest.findings:
        data = newest.evidence.data
        fed = data.lineage.fed_by(finding.column) if data else frozenset()
        if fed and not fed & told and finding.column not in told:
            sentence = f"column {finding.column} of {newest.evidence.table} {finding.what}"
            found.append(replace(_trouble(finding.column, last, sentence), loss=finding.touched, since=finding.since or last.served.day))
            told |= {finding.column, *fed}
    return found


def _trouble(subject: str, last: LiveDay, sentence: str) -> Trouble:
    return Trouble(
        kind=AlarmKind.INPUT,
        subject=subject,
        slice={},
        since=last.served.day,
        loss=1.0,
        rows=last.rows,
        sentence=sentence,
        values={},
    )
