"""A version by what it is, instead of by its number: the newest of its model, or the one that is live."""

import re

import sqlalchemy as sa

from components.errors import RegistryError
from components.registry.deployments import live_of_model
from components.registry.versions import latest_version

REFERENCE = re.compile(r"latest|live(@(?P<target>[a-z][a-z0-9-]{0,62}))?")
"""`latest`, `live`, or `live@TARGET`."""


def referenced_version(connection: sa.Connection, model: str, reference: str) -> int:
    """The number of the version that a reference means now.

    Raises:
        RegistryError: it is no reference, no version is live there, or different versions are live on different targets.
        UnknownVersionError: the model is not in the registry.
    """
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise RegistryError(f"{reference!r} is no version of {model}: give its number, latest, live, or live@TARGET")
    latest = latest_version(connection, model)
    return latest if reference == "latest" else _live_version(connection, model, match["target"])


def _live_version(connection: sa.Connection, model: str, target: str | None) -> int:
    live = live_of_model(connection, model)
    numbers = [number for number, targets in live.items() if target is None or target in targets]
    if not numbers:
        where = "any target" if target is None else target
        raise RegistryError(
            f"no version of {model} is live on {where}: `perennial models` shows what is live, `perennial deploy` deploys one"
        )
    if len(numbers) > 1:
        choices = ", ".join(f"live@{name} is {number}" for number, targets in sorted(live.items()) for name in targets)
        raise RegistryError(f"different versions of {model} are live: say which ({choices})")
    return numbers[0]
