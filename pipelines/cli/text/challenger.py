"""What the command line shows of a challenger that served beside the live version."""

from dataclasses import asdict

import click

from components.challenger.verdict import ServedComparison, verdict_sentence
from components.wording import count, score
from pipelines.cli.json_text import to_json


def show_served(model: str, versions: tuple[int, int], found: ServedComparison, *, as_json: bool) -> None:
    """Print what is known of a challenger, given the numbers of the live version and of its own; the first line is the verdict."""
    live, challenger = versions
    verdict = verdict_sentence(live, challenger, found.judgement)
    if as_json:
        click.echo(to_json({"model": model, "live": live, "challenger": challenger, "sentence": verdict, **asdict(found)}))
        return
    judged, (first, last) = found.judgement, found.settled
    asked = "asked the same rows" if found.is_paired else "each asked other keys"
    click.echo(verdict)
    click.echo(f"  {count(judged.keys)} keys, {count(found.rows)} rows, {asked}, on {first} to {last}")
    click.echo(f"  mean loss of a key   version {live} {score(judged.live_loss)}   version {challenger} {score(judged.challenger_loss)}")
