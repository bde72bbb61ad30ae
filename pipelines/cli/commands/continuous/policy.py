"""The commands about a model's policy: for which reasons it is trained again without being asked."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import click

from components.errors import ModelFolderError
from components.model.folder import Model, read_model
from components.settings import read_settings
from pipelines.cli.json_text import to_json
from pipelines.cli.options import Day, as_json, ready_settings

if TYPE_CHECKING:
    from components.cloud import Cloud
    from components.decisions.replay import Replay
    from pipelines.cli.text.replay import ReplayCosts


@click.group()
def policy() -> None:
    """Show for which reasons a model is trained again, when, and where the version then goes."""


@policy.command()
@click.argument("model")
@as_json
def show(model: str, as_json: bool) -> None:
    """Show the policy of MODEL in words, as [continuous] of its model.toml has it. It asks no service."""
    settings = read_settings()
    from components.policy.words import lacking_targets, policy_in_words

    found = read_model(settings.models_folder, model)
    words = policy_in_words(found.name, found.continuous, found.rows.label_delay_days)
    words += lacking_targets(found.continuous, settings.targets)
    if as_json:
        section = found.continuous.model_dump(mode="json") if found.continuous else None
        click.echo(to_json({"model": found.name, "continuous": section, "words": words}))
        return
    for sentence in words:
        click.echo(f"{sentence[0].upper()}{sentence[1:]}.")


@policy.command()
@click.argument("model")
@click.option("--from", "first", type=Day(), required=True, help="The first day, YYYY-MM-DD.")
@click.option("--to", "last", type=Day(), required=True, help="The last day, YYYY-MM-DD.")
@click.option(
    "--ratio",
    "ratios",
    type=click.FloatRange(0, 1e9, min_open=True),
    multiple=True,
    help="Also tell costs, where a training is worth a day on which the version is worse by so much of its metric. May be repeated.",
)
@as_json
def replay(model: str, first: date, last: date, ratios: tuple[float, ...], as_json: bool) -> None:
    """Try the policy of MODEL on the past: when it would have trained, and how far versions would have lagged behind.

    Nothing is trained. Each partition is taken as there from its day on, and every training as one that gave a version. With --ratio, its
    trainings and what its versions lose by their age (`perennial staleness MODEL`) are held against other plans and the best in hindsight.
    """
    settings = ready_settings()
    from components.cloud import Cloud
    from components.decisions.alarms import read_past_alarms
    from components.decisions.record import usual_seconds
    from components.decisions.replay import replay as try_policy
    from components.decisions.sizes import read_partition_sizes
    from components.staleness.record import read_ageing_facts
    from pipelines.cli.text.replay import show_replay

    found, cloud = read_model(settings.models_folder, model), Cloud(settings)
    if found.continuous is None:
        raise ModelFolderError(f"{model} has no policy to try: write [continuous] into its model.toml (docs/continuous-training.md)")
    with cloud.engine.connect() as connection:
        alarms, seconds = read_past_alarms(connection, model), usual_seconds(connection, model)
        ageing = read_ageing_facts(connection, [model]).get(model, {}).get(found.task.decisive_metrics[0])
    sizes = read_partition_sizes(cloud, found)
    result = try_policy(found.continuous, found, sizes, days=(first, last), alarms=alarms, seconds=seconds, known=lambda *_: ageing)
    costs = _costs(cloud, found, result, ratios) if ratios and result.trainings else None
    show_replay(model, result, seconds, costs, as_json=as_json)


def _costs(cloud: "Cloud", model: Model, result: "Replay", ratios: Sequence[float]) -> "ReplayCosts":
    from components.decisions.costs import compare_costs
    from components.decisions.drift_rule import RULE, read_past_drift
    from pipelines.cli.commands.continuous.staleness import measure_ageing
    from pipelines.cli.text.replay import ReplayCosts

    ageing, _ = measure_ageing(cloud.settings, model)
    drift = read_past_drift(cloud, model, settle_days=model.continuous.settle_days if model.continuous else 0)
    plans = compare_costs(result, ageing.expected_loss, ratios=sorted(set(ratios)), others={RULE: drift.drifted})
    return ReplayCosts(ageing, plans, profiled=sum(drift.is_known(day) for day in result.spans), days=len(result.spans))
