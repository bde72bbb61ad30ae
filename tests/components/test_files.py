"""Files that one process at a time works on."""

import logging
import threading
from pathlib import Path

from components.files import exclusive_lock


def test_a_second_holder_of_a_lock_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    path, events = tmp_path / "caches" / "lock", list[str]()
    is_waiting = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            events.append(record.getMessage())
            is_waiting.set()

    def work() -> None:
        with exclusive_lock(path):
            events.append("second")

    listener, second = Listener(), threading.Thread(target=work)
    logging.getLogger("components.files").addHandler(listener)
    try:
        with exclusive_lock(path):
            second.start()
            assert is_waiting.wait(60)
            events.append("first")
        second.join(60)
    finally:
        logging.getLogger("components.files").removeHandler(listener)
    assert events == ["waiting for another process to finish", "first", "second"]
