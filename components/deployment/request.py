"""A request to deploy, checked before anything is done: a model, a version, a target, a reason, and who makes it."""

import getpass
import os
import re
import reprlib
import socket
from uuid import uuid4

from components.database.statements import storable
from components.errors import RegistryError, SettingsError
from components.reason import require_reason
from components.registry.deployments import Action, Request
from components.settings import Settings
from components.storage.objects import require_model_name

LONGEST_ACTOR = 256
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")


def new_request(
    settings: Settings,
    action: Action,
    *,
    model: str,
    version: int | None,
    target: str,
    reason: str,
    request_id: str | None = None,
) -> Request:
    """Make a request in the name of the person or account that runs this process. Without an id it gets a new one.

    Raises:
        RegistryError: a name, the reason or the id is not acceptable.
        SettingsError: the settings know no such target.
    """
    if request_id is not None and not REQUEST_ID.fullmatch(request_id):
        raise RegistryError(f"{reprlib.repr(request_id)} is not the id of a request: use letters, digits and ._:/-, at most 128")
    return Request(
        model=require_model_name(model),
        target=require_target(settings, target),
        action=action,
        version=version,
        request_id=request_id or uuid4().hex,
        actor=actor(settings),
        reason=require_reason(reason),
    )


def require_target(settings: Settings, target: str) -> str:
    """Return the name if it is one of the settings' targets; it becomes part of an object's name.

    Raises:
        SettingsError: there is no such target.
    """
    if target not in settings.targets:
        raise SettingsError(
            f"target {reprlib.repr(target)} is unknown: choose {', '.join(settings.targets)}, or add it to PERENNIAL_TARGETS"
        )
    return target


def actor(settings: Settings) -> str:
    """Who makes requests: on Google Cloud the account that Cloud SQL has authenticated, on one machine its user."""
    if not settings.is_local and settings.database_password is None:
        return settings.database_user[:LONGEST_ACTOR]
    try:
        person = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        person = f"uid {os.getuid()}"
    return storable(f"{person}@{socket.gethostname()}")[:LONGEST_ACTOR]
