"""The service accounts of the emulators: who plays which role, and where its key is."""

import json
from pathlib import Path

from components.settings import Settings


def service_accounts(settings: Settings) -> dict[str, str]:
    """The email address of each role's service account. The first, the owner, is also the administrator of the instance.

    A database user without a password is an IAM service account whose name lacks the ending `.gserviceaccount.com`.
    """
    users = {"owner": settings.owner_user, "writer": settings.database_user, "reader": None}
    others = {"owner": "owner", "writer": "perennial", "reader": "console"}
    return {
        role: f"{user}.gserviceaccount.com"
        if user is not None and user.endswith(".iam")
        else f"{others[role]}@{settings.project}.iam.gserviceaccount.com"
        for role, user in users.items()
    }


def key_file(folder: Path, role: str) -> Path:
    """Where Cloud SQL's emulator writes the key of a role."""
    return folder / f"{role}.json"


def is_key(file: Path) -> bool:
    """Whether a file holds a key, and not what a full disk left of one."""
    try:
        return "private_key" in json.loads(file.read_bytes())
    except (OSError, ValueError, TypeError):
        return False
