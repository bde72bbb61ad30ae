"""Forty incidents through monitoring, diagnosis and policy as they are, and through the published rules of others.

python -m benchmarks.policy.measure            # prints the table of docs/continuous-training.md
python -m benchmarks.policy.measure 4          # of every fourth incident
"""

import math
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from datetime import time as time_of_day
from functools import cache
from pathlib import Path

from benchmarks.policy.serving import BEGIN, MEASURED, Life, Version, day_of, model_of, profile_columns, train
from benchmarks.policy.worlds import INCIDENTS, WORLDS, Incident, World
from components.decisions.drift_rule import BOUND
from components.evaluation.metric import Metric
from components.model.continuous_section import ContinuousSection
from components.monitoring.alarms import AlarmCause
from components.monitoring.cause import CauseEvidence, find_cause
from components.monitoring.inputs import untrained_values
from components.monitoring.record import LiveDay
from components.monitoring.troubles import find_troubles
from components.policy.decide import decide
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import AlarmFact, Facts, LiveFact, RunFact, SourceFact, TrainedFact
from components.profiles.distance import cells, jensen_shannon
from components.profiles.profile import SOURCE_TABLE, profiles_by_day, sum_profiles

DAYS = 8
"""So many days of an incident are looked at."""
SEED = 7
POLICY = ContinuousSection(triggers=("alarm",), settle_days=0, cooldown_hours=0)
VIOLATED = 0.05
"""The metric's threshold of "2 of 5 windows": so much less than when the version was made."""


@dataclass(frozen=True)
class Told:
    """What was decided of an incident, by each rule."""

    incident: Incident | None
    ours: Decision | None
    column: str
    """That the decision names."""
    day: int
    """Of the incident, on which that was decided; from 1."""
    drift: bool
    windows: bool


@cache
def calm(world: World, folder: Path) -> tuple[Version, list[LiveDay]]:
    """A version, and the days that it served before anything happens."""
    life = Life(model_of(world, folder), world)
    for number in range(BEGIN):
        life.add(number, None, SEED)
    version = train(life)
    return version, [version.live_day(number) for number in range(MEASURED, BEGIN)]


def live(world: World, folder: Path, incident: Incident | None) -> tuple[Version, list[LiveDay]]:
    """The same version, and all days that it served."""
    trained, before = calm(world, folder)
    life = Life(trained.life.model, world, dict(trained.life.known))
    for number in range(BEGIN, BEGIN + DAYS):
        life.add(number, incident, SEED)
    version = replace(trained, life=life)
    return version, [*before, *(version.live_day(number) for number in range(BEGIN, BEGIN + DAYS))]


def told(world: World, folder: Path, incident: Incident | None) -> Told:
    """Look at each day of an incident, until something is decided."""
    version, days = live(world, folder, incident)
    causes: dict[object, AlarmCause] = {}
    found: tuple[Decision, str, int] | None = None
    for number in range(BEGIN, BEGIN + DAYS):
        alarms = _alarms(version, days[: number - MEASURED + 1], causes, number)
        decision = decide(POLICY, _facts(world, number, alarms))
        if found is None and decision.verdict in (PolicyVerdict.TRAIN, PolicyVerdict.MEND):
            found = decision, alarms[0].column, number - BEGIN + 1
    ours, column, day = found or (None, "", 0)
    drifted = any(_has_drifted(version, number) for number in range(BEGIN, BEGIN + DAYS))
    violated = any(_two_of_five(version.reference, days[: number - MEASURED + 1]) for number in range(BEGIN, BEGIN + DAYS))
    return Told(incident, ours, column, day, drifted, violated)


def _alarms(version: Version, days: Sequence[LiveDay], causes: dict[object, AlarmCause], number: int) -> tuple[AlarmFact, ...]:
    """The alarms of a day, each with the cause that was found when it was opened."""
    troubles = find_troubles(version.reference, days)
    if any(one.identity not in causes for one in troubles):
        data = version.compare(number)
        evidence = CauseEvidence(
            untrained=untrained_values(days[-1].inputs), data=data, table=version.life.model.source.table, before=(), own=days
        )
        for one in troubles:
            causes.setdefault(one.identity, find_cause(one, evidence))
    facts = []
    for place, one in enumerate(troubles):
        cause = causes[one.identity]
        sentence = cause.sentence or one.sentence
        facts.append(AlarmFact(str(place), cause.kind, sentence, cause.column or "", cause.since or one.since, "prod", 1))
    return tuple(sorted(facts, key=lambda one: one.cause.value))


def _facts(world: World, number: int, alarms: tuple[AlarmFact, ...]) -> Facts:
    now = datetime.combine(day_of(number + 1), time_of_day(6), UTC)
    began = datetime.combine(day_of(MEASURED), time_of_day(6), UTC)
    return Facts(
        model=world.name,
        now=now,
        source=SourceFact(day_of(number + 1), day_of(number + 1), day_of(number), day_of(number + 1), 1000),
        trained=TrainedFact(1, day_of(MEASURED - 1)),
        runs=(RunFact("run", began, 60.0, is_running=False, failed=False),),
        alarms=alarms,
        live=(LiveFact("prod", 1, began, by_policy=True),),
    )


def _has_drifted(version: Version, number: int) -> bool:
    """Evidently's and others' rule: a column's Jensen-Shannon distance to the training data is above 0.1."""
    reference = sum_profiles(profiles_by_day(version.learned.side.source, SOURCE_TABLE).values())
    now = profile_columns(version.life.known[number][0])
    distances = (math.sqrt(max(jensen_shannon(cells(reference[name], column)), 0.0)) for name, column in now.items() if name != "key")
    return max(distances) > BOUND


def _two_of_five(reference: Sequence[Metric], days: Sequence[LiveDay]) -> bool:
    """The rule of mlops-stacks: the metric is below its threshold in two of the last five windows, and in the last one."""
    threshold = _auc(reference) - VIOLATED
    below = [_auc(day.metrics) < threshold for day in days[-5:]]
    return sum(below) >= 2 and below[-1]


def _auc(metrics: Sequence[Metric]) -> float:
    return next(one.value for one in metrics if one.name == "auc" and not one.slice)


def table(found: Sequence[Told]) -> str:
    """Markdown: how often each rule trains."""
    broken = [one for one in found if one.incident and one.incident.is_broken]
    changed = [one for one in found if one.incident and not one.incident.is_broken]
    calm = [one for one in found if one.incident is None]

    def row(name: str, trains: Callable[[Told], bool]) -> str:
        counts = (f"{sum(map(trains, group))} of {len(group)}" for group in (broken, changed, calm))
        return f"| {name} | {' | '.join(counts)} |"

    return "\n".join(
        (
            "| rule | trains on a broken source | trains on a changed world | trains in a calm week |",
            "|---|---|---|---|",
            row("this policy, by its alarms", lambda one: one.ours is not None and one.ours.verdict is PolicyVerdict.TRAIN),
            row("drift above 0.1 in any column", lambda one: one.drift),
            row("the metric is 0.05 lower in 2 of 5 windows", lambda one: one.windows),
            row("every new partition", lambda _: True),
        )
    )


def main(step: int = 1) -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for incident in INCIDENTS[::step]:
            one = told(incident.world, Path(folder), incident)
            found.append(one)
            print(_line(one), file=sys.stderr, flush=True)
        found += [told(world, Path(folder), None) for world in WORLDS]
    broken = [one for one in found if one.incident and one.incident.is_broken]
    named = sum(one.ours is not None and one.incident is not None and one.column == one.incident.column for one in broken)
    days = sorted(one.day for one in found if one.ours is not None)
    print(table(found))
    print(
        f"\nThe broken column is named in {named} of {len(broken)}; decided on day {days[len(days) // 2]} of an incident (median),", end=" "
    )
    print(f"{days[-1]} at most. {len(found)} weeks in {time.monotonic() - started:.0f} s.")


def _line(one: Told) -> str:
    what = one.incident.what if one.incident else ""
    name = one.incident.world.name if one.incident else ""
    decided = f"{one.ours.verdict} ({one.ours.rule}, {one.column})" if one.ours else "nothing"
    return f"{name:<8} {what:<40} {decided} on day {one.day}; drift {one.drift}, windows {one.windows}"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
