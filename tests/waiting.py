"""Wait for what must become true, instead of sleeping for a time that is too short on a busy machine."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 60.0


def wait_until(condition: Callable[[], object], otherwise: str, *, seconds: float = DEADLINE_SECONDS) -> None:
    """Return as soon as the condition holds. After the deadline the test fails and says `otherwise`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)
