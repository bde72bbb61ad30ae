"""Log lines as Cloud Logging reads them."""

import json
import logging
import subprocess
import sys

from components.log import JsonLines

SCRIPT = """
import logging
from components.log import configure_logging
configure_logging()
logging.getLogger("components.snapshot").warning("pinned", extra={"partitions": 3})
"""


def line(record: logging.LogRecord) -> dict[str, object]:
    document: dict[str, object] = json.loads(JsonLines().format(record))
    return document


def test_a_line_has_severity_message_logger_and_the_extra_values() -> None:
    record = logging.getLogger("a").makeRecord("a", logging.WARNING, "f", 1, "read %s", ("rows",), None, extra={"rows": 3, "path": object})
    assert line(record) == {"severity": "WARNING", "message": "read rows", "logger": "a", "rows": 3, "path": str(object)}


def test_an_exception_comes_with_its_traceback() -> None:
    try:
        raise ValueError("wrong")
    except ValueError as error:
        record = logging.LogRecord("a", logging.ERROR, "f", 1, "failed", (), (ValueError, error, error.__traceback__))
    assert str(line(record)["exception"]).endswith("ValueError: wrong")


def logged(environment: dict[str, str]) -> str:
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stderr.strip()


def test_a_terminal_gets_text() -> None:
    assert logged({}) == "WARNING components.snapshot: pinned (partitions 3)"


def test_a_cluster_gets_json() -> None:
    document = json.loads(logged({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}))
    assert document == {"severity": "WARNING", "message": "pinned", "logger": "components.snapshot", "partitions": 3}
