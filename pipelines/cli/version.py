"""The argument that names a version: its number, or what it is."""

from typing import Any

import click

from components.settings import Settings

LARGEST = 2**31 - 1


class VersionReference(click.ParamType["int | str"]):
    """A version: its number, `latest`, `live` or `live@TARGET`."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Make a number of a number, and leave the rest for `version_number`, which knows the model."""
        text = str(value)
        if text.isascii() and text.isdigit() and 0 < int(text) <= LARGEST:
            return int(text)
        if text not in ("latest", "live") and not text.startswith("live@"):
            self.fail(f"{text!r} is not a version: write its number, latest, live or live@TARGET", param, ctx)
        return text


version_argument = click.argument("version", type=VersionReference())


def version_number(settings: Settings, model: str, version: int | str) -> int:
    """The number of a version that a command line names.

    Raises:
        RegistryError: it is no version's number at the moment: nothing is live there, or the model is unknown.
    """
    if isinstance(version, int):
        return version
    from components.database.engine import make_engine
    from components.registry.reference import referenced_version

    with make_engine(settings).connect() as connection:
        return referenced_version(connection, model, version)
