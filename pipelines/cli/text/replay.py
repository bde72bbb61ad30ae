"""What the command line shows of a policy that was tried on the past, and of what it costs beside other plans."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from components.decisions.costs import BEST, CostComparison
from components.decisions.replay import Replay
from components.staleness.ageing import Ageing
from components.wording import count, duration, legible, number
from pipelines.cli.json_text import to_json
from pipelines.cli.text.staleness import headline


@dataclass(frozen=True)
class ReplayCosts:
    """What a policy costs beside other plans, and what that rests on."""

    ageing: Ageing
    comparisons: Sequence[CostComparison]
    profiled: int
    """Days of whose data a profile is kept, by which a rule about drift can decide."""
    days: int


def show_replay(model: str, found: Replay, seconds: float, costs: ReplayCosts | None, *, as_json: bool) -> None:
    """Print what a policy would have done, and what training for every new span, or daily, would have cost."""
    if as_json:
        days = {f"{day}": f"{span}" for day, span in found.spans.items()}
        document = asdict(found) | {"spans": days, "seconds_of_a_training": seconds}
        click.echo(to_json(document | ({"costs": _costs_json(costs)} if costs else {})))
        return
    times, total = len(found.trainings), f" ({duration(len(found.trainings) * seconds)} in all)" if seconds else ""
    click.echo(f"{model} would have been trained {times} times in {found.days} days{total}")
    click.echo(f"  for every new span   {found.new_spans} times")
    click.echo(f"  every day            {found.days} times")
    if found.lags:
        mean, most = sum(found.lags) / len(found.lags), max(found.lags)
        click.echo(f"  its last span lags   {number(mean)} days behind the last one with known labels on average, {most} at most")
    for rule, hours in sorted(found.waited_hours.items(), key=lambda one: -one[1]):
        click.echo(f"  waited               {count(hours)} hours by the rule {rule!r}")
    if costs:
        _show_costs(costs)
    for one in found.trainings:
        click.echo(f"{one.at:%Y-%m-%d %H:%M}  through {one.through}  {legible(one.reason)}")


def _show_costs(costs: ReplayCosts) -> None:
    metric = costs.ageing.metric
    click.echo(f"\n  costs, from the first training on, with what `perennial staleness` says: {legible(headline(costs.ageing))}")
    for one in costs.comparisons:
        click.echo(f"\n  a training is worth a day with {number(one.ratio)} less {metric}")
        best = one.of(BEST).total
        for plan in one.plans:
            share = f"{plan.total / best:.2f} of the best" if best else ""
            trained = f"{count(plan.trainings):>6} trainings"
            click.echo(f"    {plan.plan:<24}{trained}   staleness {number(plan.staleness):>8}   total {number(plan.total):>8}   {share}")
    if costs.profiled < costs.days:
        what = (
            f"profiles are kept of {count(costs.profiled)} of {count(costs.days)} days: on the others, the rule about drift trains nothing"
        )
        click.echo(f"\n  note: {what}")
    click.echo()


def _costs_json(costs: ReplayCosts) -> dict[str, object]:
    curve = [asdict(point) for point in costs.ageing.curve]
    known = {"metric": costs.ageing.metric, "curve": curve, "pace": asdict(costs.ageing.pace)}
    return known | {"profiled_days": costs.profiled, "days": costs.days, "comparisons": [asdict(one) for one in costs.comparisons]}
