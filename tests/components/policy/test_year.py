"""A year of simulated days: clean days never train more than the schedule, and each fault is seen the day after it can be seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from components.model.continuous_section import ContinuousSection, ScheduleRule
from components.policy.ageing import ageing_key
from components.policy.decide import decide
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import AgeingFact, AlarmFact, Cause, CodeFact, Facts, LiveFact, RequestFact, RunFact, SourceFact, TrainedFact

FIRST, DAYS = date(2026, 1, 1), 365
WEEKLY = ContinuousSection(triggers=("schedule", "alarm", "code", "person"), schedule=ScheduleRule(every_days=7, first=date(2025, 12, 29)))
BY_SPAN = ContinuousSection()
AGES = AgeingFact((2, 100), (0.0, 0.1))
"""A thousandth a day."""


@dataclass
class _Year:
    """What has happened so far."""

    policy: ContinuousSection
    fault: Callable[[Facts, date], Facts] = lambda facts, _: facts
    ageing: AgeingFact | None = None
    trained: TrainedFact | None = None
    runs: list[RunFact] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    decided: list[tuple[date, Decision]] = field(default_factory=list)

    def live(self) -> "list[tuple[date, Decision]]":
        """Look every six hours of each day. A training takes half an hour, and gives a version."""
        for number in range(DAYS):
            day = FIRST + timedelta(days=number)
            for hour in (0, 6, 12, 18):
                self._look(day, datetime.combine(day, time(hour), UTC))
        return self.decided

    def _look(self, day: date, now: datetime) -> None:
        source = SourceFact(day, day - timedelta(days=1), day - timedelta(days=2), day - timedelta(days=1), 500)
        live = (LiveFact("prod", self.trained.version, self.runs[0].started_at, by_policy=True),) if self.trained else ()
        facts = Facts(model="churn", now=now, source=source, trained=self.trained, live=live, ageing=self.ageing)
        facts = self.fault(replace(facts, runs=tuple(self.runs[:200]), answered=frozenset(self.answered)), day)
        decision = decide(self.policy, facts)
        self.decided.append((day, decision))
        if decision.verdict is PolicyVerdict.TRAIN and facts.source is not None:
            self.runs.insert(0, RunFact(f"run {len(self.runs)}", now, 1_800.0, is_running=False, failed=False))
            self.trained = TrainedFact(len(self.runs), facts.source.span)
            self.answered.add(ageing_key(len(self.runs)))  # what is known of ageing, these days are given
        self.answered |= {one.key for one in decision.because if decision.verdict in (PolicyVerdict.TRAIN, PolicyVerdict.ROLL_BACK)}

    def trainings(self) -> list[date]:
        return [day for day, decision in self.decided if decision.verdict is PolicyVerdict.TRAIN]


@pytest.mark.parametrize(
    ("policy", "ageing", "most"),
    [(WEEKLY, None, 53), (BY_SPAN, None, DAYS), (BY_SPAN, AGES, 28), (BY_SPAN, replace(AGES, losses=(0.0, 0.0)), 3)],
    ids=["weekly", "by span", "by span and age", "by span, without age"],
)
def test_clean_days_never_train_more_than_the_policy_wants(policy: ContinuousSection, ageing: AgeingFact | None, most: int) -> None:
    year = _Year(policy, ageing=ageing)
    decided = year.live()
    assert 0 < len(year.trainings()) <= most
    assert all(decision.reason and decision.rule for _, decision in decided), "nothing is decided without a reason"
    assert {decision.verdict for _, decision in decided} <= {PolicyVerdict.TRAIN, PolicyVerdict.WAIT, PolicyVerdict.NOTHING}


SEEN = FIRST + timedelta(days=200)


def alarm(cause: Cause, **more: object) -> Callable[[Facts, date], Facts]:
    """An alarm that is open for ten days."""
    raised = replace(AlarmFact("7", cause, "AUC fell", since=SEEN - timedelta(days=1)), **more)  # type: ignore[arg-type]
    return lambda facts, day: replace(facts, alarms=(raised,)) if SEEN <= day < SEEN + timedelta(days=10) else facts


def bad_version(facts: Facts, day: date) -> Facts:
    """It is about what was live when it opened."""
    last = sum(run.started_at.date() < SEEN for run in facts.runs)
    return alarm(Cause.BAD_VERSION, version=last, target="prod")(facts, day)


def changed_code(facts: Facts, day: date) -> Facts:
    is_old = facts.trained is not None and bool(facts.runs) and facts.runs[0].started_at.date() < SEEN
    return replace(facts, code=CodeFact("new", ("model",))) if day >= SEEN and is_old else facts


def request(facts: Facts, day: date) -> Facts:
    return replace(facts, requests=(RequestFact("cli", "1", "ann asks"),)) if day >= SEEN else facts


def rewritten(facts: Facts, day: date) -> Facts:
    is_old = bool(facts.runs) and facts.runs[0].started_at.date() < SEEN
    assert facts.source is not None
    return replace(facts, source=replace(facts.source, rewritten=(SEEN,), rewritten_id="x")) if day >= SEEN and is_old else facts


FAULTS: Mapping[str, tuple[Callable[[Facts, date], Facts], ContinuousSection, PolicyVerdict, str]] = {
    "a broken source": (alarm(Cause.BROKEN_SOURCE, column="price"), WEEKLY, PolicyVerdict.MEND, "column price of the source is broken"),
    "a changed world": (alarm(Cause.CHANGED_WORLD), WEEKLY, PolicyVerdict.TRAIN, "alarm 7: AUC fell"),
    "missing hours": (alarm(Cause.COVERAGE), WEEKLY, PolicyVerdict.TRAIN, "alarm 7: AUC fell"),
    "a bad version": (bad_version, WEEKLY, PolicyVerdict.ROLL_BACK, "is bad (alarm 7: AUC fell)"),
    "a fault of the service": (alarm(Cause.SERVING_FAULT), WEEKLY, PolicyVerdict.MEND, "which training does not mend"),
    "an unknown cause": (alarm(Cause.UNKNOWN), WEEKLY, PolicyVerdict.MEND, "so training may not help"),
    "changed code": (changed_code, WEEKLY, PolicyVerdict.TRAIN, "the code of model changed"),
    "a person": (request, WEEKLY, PolicyVerdict.TRAIN, "ann asks"),
    "a rewritten partition": (rewritten, BY_SPAN, PolicyVerdict.TRAIN, "partition 2026-07-20 was rewritten"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_of_a_year_is_decided_about_within_a_day_and_once(name: str) -> None:
    fault, policy, verdict, words = FAULTS[name]
    year = _Year(policy, fault, ageing=AGES)
    told = [day for day, decision in year.live() if decision.verdict is verdict and words in decision.reason]
    assert told
    assert SEEN <= told[0] <= SEEN + timedelta(days=1)
    assert len(told) == 1 or verdict is PolicyVerdict.MEND, "what is carried out is answered"
    if name == "a broken source":
        assert not [day for day in year.trainings() if SEEN <= day < SEEN + timedelta(days=10)], "nobody learns the fault"
