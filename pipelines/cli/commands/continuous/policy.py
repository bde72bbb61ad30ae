"""The commands about a model's policy: for which reasons it is trained again without being asked."""

from datetime import date

import click

from components.errors import ModelFolderError
from components.model.folder import read_model
from components.settings import read_settings
from pipelines.cli.json_text import to_json
from pipelines.cli.options import Day, as_json, ready_settings


@click.group()
def policy() -> None:
    """Show for which reasons a model is trained again, when, and where the version then goes."""


@policy.command()
@click.argument("model")
@as_json
def show(model: str, as_json: bool) -> None:
    """Show the policy of MODEL in words, as [continuous] of its model.toml has it. It asks no service."""
    settings = read_settings()
    from components.policy.words import policy_in_words

    found = read_model(settings.models_folder, model)
    words = policy_in_words(found.name, found.continuous)
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
@as_json
def replay(model: str, first: date, last: date, as_json: bool) -> None:
    """Try the policy of MODEL on the past: when it would have trained, and how far versions would have lagged behind.

    Nothing is trained. Each partition is taken as there from its day on, and every training as one that gave a version.
    """
    settings = ready_settings()
    from components.cloud import Cloud
    from components.decisions.alarms import read_past_alarms
    from components.decisions.record import usual_seconds
    from components.decisions.replay import replay as try_policy
    from components.decisions.sizes import read_partition_sizes
    from pipelines.cli.text.continuous import show_replay

    found, cloud = read_model(settings.models_folder, model), Cloud(settings)
    if found.continuous is None:
        raise ModelFolderError(f"{model} has no policy to try: write [continuous] into its model.toml (docs/continuous-training.md)")
    with cloud.engine.connect() as connection:
        alarms, seconds = read_past_alarms(connection, model), usual_seconds(connection, model)
    sizes = read_partition_sizes(cloud, found)
    result = try_policy(found.continuous, found, sizes, days=(first, last), alarms=alarms, seconds=seconds)
    show_replay(model, result, seconds, as_json=as_json)
