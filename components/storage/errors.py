"""What Cloud Storage refuses, as errors of ours: with Google's own words, and the role or setting that is to be changed."""

import errno
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    NotFound,
    Unauthorized,
)
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.exceptions import DataCorruption

from components.errors import AccessError, CorruptObjectError, RegistryError, StorageFullError
from components.google_errors import UNREACHABLE

THIS_MACHINE = "//127.0.0.1"
"""The part of an emulator's address that errors quote."""
PERMISSION = re.compile(r"\bstorage\.(buckets|objects)\.(\w+)")
DOCUMENT = re.compile(r"\{.*\}", re.DOTALL)
ROLES = {
    ("objects", "get"): "roles/storage.objectViewer",
    ("objects", "list"): "roles/storage.objectViewer",
    ("objects", ""): "roles/storage.objectUser",
    ("buckets", ""): "roles/storage.admin",
}
"""The least of Google's roles with what the commands need, by the permission that is missing; '' is every other one."""


@contextmanager
def storage_errors(bucket: str) -> Iterator[None]:
    """Turn what Cloud Storage refuses into errors of ours. Any other error of it is a bug, and stays what it is."""
    try:
        yield
    except Unauthorized as error:
        remedy = "run `perennial up`" if _is_here(error) else "correct PERENNIAL_CREDENTIALS_FILE, or log in with gcloud again"
        raise AccessError(f"Cloud Storage does not know these credentials for bucket {bucket}: {_said(error)}; {remedy}") from error
    except Forbidden as error:
        raise AccessError(f"Cloud Storage refuses this in bucket {bucket}: {_said(error)}; {_permit(bucket, _said(error))}") from error
    except NotFound as error:
        remedy = "run `perennial up`" if _is_here(error) else "correct PERENNIAL_BUCKET, or make it with `perennial migrate`"
        raise RegistryError(f"bucket {bucket} does not exist or lacks what is asked for ({_said(error)}): {remedy}") from error
    except UNREACHABLE as error:
        remedy = "run `perennial status`" if _is_here(error) else "check the network and run the command again"
        raise AccessError(f"Cloud Storage cannot be reached for bucket {bucket} ({error}): {remedy}") from error
    except GoogleAuthError as error:
        raise AccessError(f"the credentials for bucket {bucket} do not work ({error}): correct PERENNIAL_CREDENTIALS_FILE") from error
    except DataCorruption as error:
        raise CorruptObjectError(f"bucket {bucket} serves bytes that differ from their own checksum: {error}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFullError(f"no room on the disk ({error}): free some and run the command again") from error


def _is_here(error: Exception) -> bool:
    """Whether an emulator of this machine was asked."""
    response = getattr(getattr(error, "cause", None), "response", None)  # an upload was tried again and again
    words = f"{error} {getattr(response, 'url', '')}"
    return THIS_MACHINE in words or "host='127.0.0.1'" in words


def _said(error: GoogleAPICallError) -> str:
    """Google's own words, without the method and address that the client puts before them. For an upload it quotes the answer's text."""
    document = DOCUMENT.search(str(error.message))
    try:
        details = json.loads(document[0])["error"] if document else next(iter(error.errors))
        return str(details["message"]).rstrip(".")
    except (StopIteration, ValueError, KeyError, TypeError):
        return str(error.message).rstrip(".")


def _permit(bucket: str, message: str) -> str:
    """What lets it happen, told by Google's words: a 403 has many reasons, and few of them are the credentials."""
    if "retention policy" in message:
        return (
            "objects under a retention policy stay as they are until then: have what targets serve written elsewhere by "
            "PERENNIAL_SERVING_BUCKET, or wait (docs/storage.md)"
        )
    if "under active" in message and "hold" in message:
        return f"release it: `gcloud storage objects update gs://{bucket}/OBJECT --no-temporary-hold --no-event-based-hold`"
    if "authentication scopes" in message:
        return "give the credentials the scope https://www.googleapis.com/auth/cloud-platform"
    if "billing" in message.lower():
        return "enable billing for the project of the bucket"
    if "organization" in message.lower() or "VPC Service Controls" in message:
        return "ask whoever sets the policies of the organization"
    missing = PERMISSION.search(message)
    kind, action = missing.groups() if missing else ("objects", "")
    role = ROLES.get((kind, action), ROLES[kind, ""])
    return f"grant the account {role}: `gcloud storage buckets add-iam-policy-binding gs://{bucket} --member=… --role={role}`"
