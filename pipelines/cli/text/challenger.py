"""What the command line shows of a challenger that served beside the live version."""

from dataclasses import asdict

import click

from components.challenger.betting import ChallengerVerdict, Judgement
from components.challenger.verdict import ServedComparison
from components.wording import count, score
from pipelines.cli.json_text import to_json


def show_served(model: str, versions: tuple[int, int], found: ServedComparison, *, as_json: bool) -> None:
    """Print what is known of a challenger, given the numbers of the live version and of its own; the first line is the verdict."""
    live, challenger = versions
    verdict = _verdict(live, challenger, found.judgement)
    if as_json:
        click.echo(to_json({"model": model, "live": live, "challenger": challenger, "sentence": verdict, **asdict(found)}))
        return
    judged, (first, last) = found.judgement, found.settled
    asked = "asked the same rows" if found.is_paired else "each asked other keys"
    click.echo(verdict)
    click.echo(f"  {count(judged.keys)} keys, {count(found.rows)} rows, {asked}, on {first} to {last}")
    click.echo(f"  mean loss of a key   version {live} {score(judged.live_loss)}   version {challenger} {score(judged.challenger_loss)}")


def _verdict(live: int, challenger: int, judged: Judgement) -> str:
    match judged.verdict:
        case ChallengerVerdict.WORSE | ChallengerVerdict.BETTER:
            return f"version {challenger} is {judged.verdict} than version {live}"
        case ChallengerVerdict.AS_GOOD:
            return f"version {challenger} is as good as version {live}, if not better"
    more = f": about {count(judged.more_keys)} more keys are needed" if judged.more_keys else ", and too few keys to say how many it takes"
    return f"it is not yet known whether version {challenger} is better or worse than version {live}{more}"
