"""What the command line shows of how fast versions age."""

from collections import defaultdict
from dataclasses import asdict
from datetime import date

import click

from components.staleness.ageing import Ageing
from components.staleness.record import LaterSpans
from components.wording import count, legible, score
from pipelines.cli.json_text import to_json

SHOWN_SPANS = 8
"""Those at the end of a version's life that fit into a line."""


def headline(ageing: Ageing) -> str:
    """How fast versions age, in one sentence without a full stop."""
    pace, ages = ageing.pace, f"between {ageing.curve[0].age_days} and {ageing.oldest_days} days"
    if pace.low is None or pace.high is None:
        few = f"{ageing.model}: a version loses {score(pace.a_month)} of {ageing.metric} a month {ages} of age"
        return f"{few}, by {len(_by_version(ageing))} versions, which are too few to tell it from chance"
    interval = f"95 % interval {score(pace.low)} to {score(pace.high)}"
    if not pace.is_certain:
        slope = f"{score(pace.a_month)} of {ageing.metric} a month, {interval}"
        return f"{ageing.model}: no ageing can be told from chance {ages} of age ({slope})"
    what = "loses" if pace.a_month > 0 else "gains"
    return f"{ageing.model}: a version {what} {score(abs(pace.a_month))} of {ageing.metric} a month {ages} of age ({interval})"


def show_staleness(ageing: Ageing, spans: LaterSpans, *, as_json: bool) -> None:
    """Print the pace, the loss by age, and every version's metric on the last spans."""
    if as_json:
        document = asdict(ageing) | {"headline": headline(ageing), "measured_now": spans.measured_now, "notes": spans.notes}
        click.echo(to_json(document))
        return
    click.echo(headline(ageing))
    click.echo("\n  age        mean loss   of measurements")
    for point in ageing.curve:
        click.echo(f"  {f'{point.age_days} days':<9}  {score(point.loss):>9}   {count(point.count):>8}")
    click.echo(f"\n  {ageing.metric} on the last spans")
    for version, values in _by_version(ageing).items():
        line = "  ".join(f"{span:%m-%d} {score(value)}" for span, value in values[-SHOWN_SPANS:])
        click.echo(f"  version {version:<3} learned up to {ageing.versions[version]}   {line}")
    for note in spans.notes:
        click.echo(f"  note: {legible(note)}")


def _by_version(ageing: Ageing) -> dict[int, list[tuple[date, float]]]:
    found: dict[int, list[tuple[date, float]]] = defaultdict(list)
    for one in ageing.values:
        found[one.version].append((one.span, one.value))
    return found
