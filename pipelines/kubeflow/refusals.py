"""What goes wrong between this machine and Kubeflow, in one sentence: the address, the status, and what to do."""

import json
import re
from dataclasses import dataclass

from components.errors import AccessError, ConflictError, PerennialError, RegistryError, TaskError
from components.wording import legible

LONGEST = 300
PLEASE_LOG_IN = "set PERENNIAL_KUBEFLOW_AUTHENTICATION to how people log in there (docs/kubeflow.md, Authentication)"


@dataclass(frozen=True)
class ApiCall:
    """What was asked, of whom."""

    host: str
    what: str
    """Such as `to create run MODEL-…`."""
    absent: str = "check the name"
    """What to do where it does not exist."""


def refused(asked: ApiCall, status: int, body: str) -> PerennialError:
    """The error for an answer with that status."""
    words = _words(body)
    start = f"Kubeflow at {asked.host} answers {status} {asked.what}"
    if status == 401:
        return AccessError(f"{start} ({words}): the token is missing or has expired; {PLEASE_LOG_IN}")
    if status == 403:
        return AccessError(f"{start} ({words}): let the account into the namespace, or use another one")
    if status == 404:
        return RegistryError(f"{start} ({words}): {asked.absent}")
    if status == 409:
        return ConflictError(f"{start} ({words}): somebody was faster, or its state does not allow it; look, and run the command again")
    if status == 429 or "exceeded quota" in body:
        return AccessError(f"{start} ({words}): a quota is exhausted; wait for runs to end or raise it, then run the same command again")
    if status >= 500:
        return TaskError(
            f"{start} ({words}): see `kubectl --namespace kubeflow logs deployment/ml-pipeline`, then run the same command again"
        )
    return TaskError(f"{start} ({words}): the image and this code may be of different versions; correct what it names")


def web_page(asked: ApiCall, body: str) -> AccessError:
    """The error for HTML where JSON was due: somebody stands before the API and wants a person to log in."""
    title = re.search(r"<title>(.*?)</title>", body, re.IGNORECASE | re.DOTALL)
    name = f" {legible(title[1].strip(), limit=80)!r}" if title else ""
    return AccessError(f"Kubeflow at {asked.host} answers {asked.what} with a web page{name}, not with its API: {PLEASE_LOG_IN}")


def silent(asked: ApiCall, error: Exception) -> AccessError:
    """The error for no answer at all."""
    reason = legible(str(getattr(error, "reason", None) or error), limit=LONGEST)
    return AccessError(
        f"Kubeflow at {asked.host} does not answer {asked.what} ({reason}): check PERENNIAL_KUBEFLOW_ENDPOINT and that it is up "
        "(`kubectl --namespace kubeflow get pods`), then run the same command again"
    )


def _words(body: str) -> str:
    """What the server says: for an internal error the cause, which only the longer text has."""
    try:
        document = json.loads(body)
        short = next((detail["message"] for detail in document.get("details", ()) if detail.get("message")), "")
        text = document.get("error_message") or (short if short and short != "Internal Server Error" else document.get("message", ""))
    except (AttributeError, TypeError, ValueError):
        text = body
    return legible(str(text).strip().replace("\n", " ") or "without a word", limit=LONGEST)
