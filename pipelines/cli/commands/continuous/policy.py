"""The commands about a model's policy: for which reasons it is trained again without being asked."""

import click

from components.model.folder import read_model
from components.settings import read_settings
from pipelines.cli.json_text import to_json
from pipelines.cli.options import as_json


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
