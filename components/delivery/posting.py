"""Post something by HTTP, again while the receiver is away or busy, for a while that is bounded."""

import time
from collections.abc import Mapping

import requests

from components.errors import AccessError, RefusedError

ATTEMPTS = 3
ANSWER_SECONDS = 10.0
PAUSE_SECONDS = 1.0
"""Before the second attempt; twice as long before the third."""


def post(address: str, body: bytes, headers: Mapping[str, str], *, what: str) -> None:
    """Post a body to an address.

    Args:
        address: of the receiver. It is a secret, and in no sentence.
        body: what it is given.
        headers: the body's type, and others.
        what: names receiver and setting in the sentence of an error: "the webhook for alarms (PERENNIAL_ALARM_WEBHOOK)".

    Raises:
        RefusedError: the receiver says that it will never take it.
        AccessError: nobody takes it, after several attempts.
    """
    why = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            with requests.post(
                address, data=body, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False, stream=True
            ) as answer:  # what it says besides the status is not waited for
                status = answer.status_code
        except requests.RequestException as error:
            why = f"it does not answer ({type(error).__name__})"
            continue
        except ValueError as error:
            why = f"its address is none ({type(error).__name__})"
            break
        if status < requests.codes.multiple_choices:
            return
        why = f"it answers {status}"
        if status < requests.codes.internal_server_error and status != requests.codes.too_many_requests:
            raise RefusedError(f"{what} takes nothing: {why}; correct the address")
    raise AccessError(f"{what} takes nothing: {why}; correct the address")
