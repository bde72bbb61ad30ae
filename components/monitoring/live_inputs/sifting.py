"""Which of what is wrong is an alarm: what costs, and what somebody has to mend."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol

from components.checks.findings import Finding
from components.monitoring.alarms import AlarmKind
from components.monitoring.cause import CALLER, CauseEvidence, find_cause
from components.monitoring.inputs import COVERAGE
from components.monitoring.life import QUIET_DAYS
from components.monitoring.record import LiveDay, newest_compared
from components.monitoring.troubles import Identity, Trouble
from components.policy.facts import Cause


class NewestFacts(Protocol):
    """What is known of the newest data."""

    @property
    def is_measured(self) -> bool:
        """Whether the last day is new to this run."""

    @property
    def findings(self) -> Sequence[Finding] | None:
        """What the gate finds in the source's newest partitions; None if they cannot be read."""

    @property
    def evidence(self) -> CauseEvidence:
        """What the cause of what is wrong is found by."""


def alarming(troubles: Sequence[Trouble], known: Collection[Identity], newest: NewestFacts, own: Sequence[LiveDay]) -> list[Trouble]:
    """What is to be told of the last day.

    A feature that merely has other values than in training, as the world has, is seen on the page; it is an alarm if the source or the
    caller is to be mended, or if nobody can say. Once it costs, the metric tells. A source that broke, and a caller that gives something
    else, are alarms even where no feature has moved far yet.

    Args:
        troubles: what is wrong with the version.
        known: the identities of the alarms that are open, which go on.
        newest: the newest data; looked at only where the last day is new.
        own: the days of the version, the last one at the end.
    """
    kept = [one for one in troubles if not one.is_drift or one.identity in known]
    compared = newest_compared(own)
    waiting = compared.served.day if compared else date.max  # what is newer is held against source.sql once its day is whole
    asked = [one for one in troubles if one not in kept and one.since <= waiting] if newest.is_measured else []
    found = [*kept, *(one for one in asked if find_cause(one, newest.evidence).kind is not Cause.CHANGED_WORLD)]
    told = {one.subject for one in found if one.kind in (AlarmKind.INPUT, AlarmKind.COVERAGE)}
    differs = {one.name for one in compared.inputs if one.is_skewed} if compared else set()
    is_left_out = any(one.kind is AlarmKind.COVERAGE and one.subject in differs for one in found)  # rows that source.sql does not give
    if compared and not is_left_out:
        found += [_trouble(name, compared, CALLER.format(name)) for name in sorted(differs - told)]
        told |= differs
    return [*found, *(_of_source(newest, known, told, own[-1]) if newest.is_measured else ())]


def lingering(known: Collection[Identity], newest: NewestFacts, own: Sequence[LiveDay]) -> set[Identity]:
    """The open alarms of features and columns that are not over: it takes some days that were looked at to end one.

    A day of which this run has measured nothing, since it is known already or since every request was refused, ends none.
    """
    inputs = {one for one in known if one[0] == AlarmKind.INPUT}
    if not newest.is_measured:
        return inputs
    shown = {one: _shows(one[1], own) for one in inputs}
    return {one for one, shows in shown.items() if (newest.findings is None if shows is None else shows)}


def _shows(feature: str, own: Sequence[LiveDay]) -> bool | None:
    """Whether something was wrong with a feature on one of the last days that could tell so; None if it never was.

    What the service is given beside source.sql is told by days on which both are known, all else by any day.
    """
    looked = compared = 0
    for day in reversed(own):
        for one in (one for one in day.inputs if one.name == feature):
            if one.is_skewed:
                return compared < QUIET_DAYS
            if any(found.check != COVERAGE for found in one.findings):
                return looked < QUIET_DAYS
            looked += 1
            compared += one.skew is not None
    return None


def _of_source(newest: NewestFacts, known: Collection[Identity], told: set[str], last: LiveDay) -> Iterator[Trouble]:
    """The columns of the source that broke, unless what they feed is told already."""
    for finding in (one for one in newest.findings or () if one.blocks):
        data = newest.evidence.data
        fed = data.lineage.fed_by(finding.column) if data else frozenset()
        sentence = f"column {finding.column} of {newest.evidence.table} {finding.what}"
        trouble = replace(_trouble(finding.column, last, sentence), loss=finding.touched, since=finding.since or last.served.day)
        if fed and finding.column not in told and (trouble.identity in known or not fed & told):
            yield trouble
            told |= {finding.column, *fed}


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
