"""What a policy costs beside other plans: its trainings, and what its versions lose by their age. It is pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from components.decisions.replay import Replay

THIS_POLICY, EVERY_SPAN, EVERY_DAY, BEST = "this policy", "for every new span", "every day", "best in hindsight"

ExpectedLoss = Callable[[float], float]
"""By how much of its metric a version of some days of age is worse than a fresh one."""
Drifted = Callable[[date, date], bool]
"""Whether the data of a day drifted from those of a training on another day, by somebody's rule."""


@dataclass(frozen=True)
class PlanCost:
    """What a plan costs on the same days. The first training is everybody's."""

    plan: str
    trainings: int
    staleness: float
    """The sum over all days of what the version of the day loses by its age: 1 is a whole 1 of the metric for a day."""
    total: float
    """With the trainings, at a ratio."""


@dataclass(frozen=True)
class CostComparison:
    """Plans at one ratio, the cheapest first."""

    ratio: float
    """What a training costs: as much as a day on which the version is worse by so much of its metric."""
    plans: tuple[PlanCost, ...]

    def of(self, plan: str) -> PlanCost:
        """A plan by its name."""
        return next(one for one in self.plans if one.plan == plan)


def compare_costs(
    found: Replay, loss: ExpectedLoss, *, ratios: Sequence[float], others: Mapping[str, Drifted] | None = None
) -> tuple[CostComparison, ...]:
    """Hold a policy against other plans, from the day of its first training on.

    Args:
        found: what the policy would have done; it has trained at least once.
        loss: what a version loses by its age.
        ratios: what a training costs.
        others: rules that train when the data of a day drifted from those of the last training, by name.
    """
    days = sorted(found.spans)
    learned = np.array([found.spans[day].toordinal() for day in days])
    world = _World(days, np.array([day.toordinal() for day in days]), learned, loss)
    places = {day: place for place, day in enumerate(days)}
    plans = {
        THIS_POLICY: sorted(places[one.at.date()] for one in found.trainings),
        EVERY_SPAN: [0, *(place for place in range(1, len(days)) if learned[place] != learned[place - 1])],
        EVERY_DAY: list(range(len(days))),
        **{name: list(_on_drift(days, rule)) for name, rule in (others or {}).items()},
    }
    return tuple(_compared(world, ratio, plans) for ratio in ratios)


def _compared(world: "_World", ratio: float, plans: Mapping[str, Sequence[int]]) -> CostComparison:
    made = (_cost(world, name, places, ratio) for name, places in {**plans, BEST: world.best(ratio)}.items())
    return CostComparison(ratio, tuple(sorted(made, key=lambda one: (one.total, one.plan != BEST))))


def _cost(world: "_World", name: str, places: Sequence[int], ratio: float) -> PlanCost:
    staleness = world.staleness(places)
    return PlanCost(name, len(places), staleness, staleness + ratio * len(places))


def _on_drift(days: Sequence[date], drifted: Drifted) -> Iterator[int]:
    """Train whenever the data of the day drifted from those of the last training."""
    last = 0
    yield last
    for place in range(1, len(days)):
        if drifted(days[place], days[last]):
            last = place
            yield last


@dataclass(frozen=True, eq=False)
class _World:
    """The days, and what a training on each would have learned."""

    days: Sequence[date]
    numbers: np.ndarray
    """int64 [days], as ordinals."""
    learned: np.ndarray
    """The last span with known labels on each day, int64 [days]."""
    loss: ExpectedLoss

    def losses(self, place: int) -> np.ndarray:
        """What the version that is trained on a day loses on each day from then on, float64 [days - place]."""
        ages = self.numbers[place:] - self.learned[place]
        found, where = np.unique(ages, return_inverse=True)
        losses: np.ndarray = np.array([self.loss(float(age)) for age in found])[where]
        return losses

    def staleness(self, places: Sequence[int]) -> float:
        """The sum of what versions lose that are trained on these days, the first of them included. A day may be there several times."""
        ends = [*places[1:], len(self.days)]
        return float(sum(self.losses(begin)[: end - begin].sum() for begin, end in zip(places, ends, strict=True)))

    def best(self, ratio: float) -> list[int]:
        """The days that cost least together, by dynamic programming from the last one back."""
        count = len(self.days)
        least, following = np.zeros(count + 1), np.zeros(count, int)
        for place in range(count - 1, -1, -1):
            until = np.cumsum(self.losses(place)) + least[place + 1 :]
            following[place] = place + 1 + int(until.argmin())
            least[place] = ratio + float(until.min())
        places, place = [], 0
        while place < count:
            places.append(place)
            place = int(following[place])
        return places
