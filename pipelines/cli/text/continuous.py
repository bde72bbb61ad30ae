"""What the command line shows of decisions about training again."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from components.decisions.effects import effects_by_trigger
from components.decisions.record import DecisionOutcome, OutcomeKind, RecordedDecision, TrainingOutcome
from components.policy.decision import ENDING, Decision, PolicyVerdict
from components.wording import count, legible
from pipelines.cli.json_text import to_json

MARKS = {
    PolicyVerdict.TRAIN: "train",
    PolicyVerdict.WAIT: "not now",
    PolicyVerdict.MEND: "not this way",
    PolicyVerdict.ROLL_BACK: "roll back",
    PolicyVerdict.MEASURE: "measure",
}
"""How a log book says it."""


def tell(model: str, sentence: str) -> None:
    """Print what a watcher has decided or done."""
    click.echo(f"{model}: {legible(sentence)}")


def show_decision(model: str, decision: Decision) -> None:
    """Print what would be decided."""
    click.echo(f"{model}: would decide {decision.verdict} ({decision.rule}): {legible(decision.reason)}")


def show_decisions(model: str, found: Sequence[RecordedDecision], *, as_json: bool) -> None:
    """Print a log book of decisions."""
    if as_json:
        click.echo(to_json([asdict(one) for one in found]))
        return
    if not found:
        click.echo(f"nothing was decided about {model}: `perennial watch {model} --once` looks at it")
    for one in found:
        because = "because" if one.verdict is not PolicyVerdict.TRAIN else "since"
        click.echo(f"{one.decision_id:>5}  {one.created_at:%Y-%m-%d %H:%M}  {MARKS[one.verdict]}, {because} {legible(one.reason)}")
        for line in _outcomes(one):
            click.echo(f"       {line}")
    for line in _summary(found):
        click.echo(line)


def _summary(found: Sequence[RecordedDecision]) -> Iterator[str]:
    """What trainings came to, by what had asked for them."""
    results: dict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        if (ended := one.outcome(OutcomeKind.TRAINING)) is not None:
            results[one.trigger or ""][ended.result] += 1
    effects = effects_by_trigger(found)
    for trigger, counts in sorted(results.items()):
        seen = effects.get(trigger, Counter())
        told = f"; seen live: {_counted(seen)}" if seen else ""
        trained = counts.total() - counts[TrainingOutcome.WITHDRAWN]
        yield f"{trigger}: {count(trained)} trained, {_counted(counts)}{told}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{times} {result}" for result, times in counts.most_common())


def _outcomes(decision: RecordedDecision) -> Iterator[str]:
    for claim in decision.claims:
        yield f"run {claim.run_id} on {claim.host}" if decision.trigger else f"begun on {claim.host}"
    for outcome in decision.outcomes:
        yield f"{outcome.kind} {outcome.result}: {legible(outcome.sentence)}"
    if decision.verdict in ENDING and not decision.outcomes:
        yield "not at its end yet"


def show_approved(decision: RecordedDecision, outcomes: Sequence[DecisionOutcome], *, as_json: bool) -> None:
    """Print where the version of a decision is live now."""
    if as_json:
        click.echo(to_json({"decision": decision.decision_id, "model": decision.model, "outcomes": [asdict(one) for one in outcomes]}))
        return
    for one in outcomes:
        click.echo(f"{decision.model}: {one.sentence}")
