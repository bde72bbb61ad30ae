"""What Google's clients raise, sorted in one place and said in one sentence: what was refused, for what, and what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import google.api_core.exceptions as api
import requests
from google.auth.exceptions import GoogleAuthError, TransportError

from components.errors import AccessError, RegistryError
from components.settings import Settings
from components.wording import legible

REFUSED = (api.Unauthorized, api.Forbidden)
UNREACHABLE = (
    api.ServerError,
    api.TooManyRequests,
    api.RetryError,
    TransportError,
    requests.ConnectionError,
    requests.Timeout,
    ConnectionError,
    TimeoutError,
)
"""A later attempt may succeed."""
LONGEST = 500


@contextmanager
def google_errors(service: str, subject: str, *, not_found: str, remedy: str, grant: str = "") -> Iterator[None]:
    """Turn what a client of Google raises into errors of ours. Any other error is a bug, and stays what it is.

    Args:
        service: the product, such as "Cloud Storage".
        subject: what is asked of it, such as "bucket models".
        not_found: what to do where the subject does not exist.
        remedy: what to do where the service cannot be reached.
        grant: what lets the account in.

    Raises:
        AccessError: the service refuses the credentials, or cannot be reached.
        RegistryError: the subject does not exist, or lacks what is asked for.
    """
    try:
        yield
    except REFUSED as error:
        what_to_do = f"; {grant}" if grant else ""
        raise AccessError(f"{service} refuses these credentials for {subject}: {said(error)}{what_to_do}") from error
    except api.NotFound as error:
        raise RegistryError(f"{subject} does not exist or lacks what is asked for ({said(error)}): {not_found}") from error
    except UNREACHABLE as error:
        raise AccessError(f"{service} cannot be reached for {subject} ({said(error)}): {remedy}") from error
    except GoogleAuthError as error:
        raise AccessError(f"the credentials for {subject} do not work ({said(error)}): correct PERENNIAL_CREDENTIALS_FILE") from error


def does_not_answer(settings: Settings, where: str) -> AccessError:
    """The sentence for a service that cannot be reached."""
    return AccessError(f"{where} does not answer: {reach(settings)}")


def reach(settings: Settings) -> str:
    """What to do where a service cannot be reached."""
    return "run `perennial up`" if settings.is_local else "check the network"


def said(error: Exception) -> str:
    """What the service said, in one line, without the address that the client puts before it."""
    return legible(re.sub(r"^[A-Z]+ \S+: ", "", " ".join(str(getattr(error, "message", None) or error).split())), LONGEST)
