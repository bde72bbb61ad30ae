"""Logging, set up once by whoever runs: JSON lines with a severity in the cloud, plain lines on a terminal."""

import json
import logging
import os
import sys

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line, as Cloud Logging reads it."""

    def format(self, record: logging.LogRecord) -> str:
        """Severity, message, logger and the record's extra values."""
        line = {"severity": record.levelname, "message": record.getMessage(), "logger": record.name, **_extra(record)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """A line that a person reads."""

    def format(self, record: logging.LogRecord) -> str:
        """Severity, logger, message, and the record's extra values in brackets."""
        extra = ", ".join(f"{key} {value}" for key, value in _extra(record).items())
        return super().format(record) + (f" ({extra})" if extra else "")


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def configure_logging() -> None:
    """Send the root logger to standard error: as JSON lines inside a cluster, as text elsewhere."""
    handler = logging.StreamHandler(sys.stderr)
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ  # noqa: TID251 - Kubernetes' own variable, not a setting
    handler.setFormatter(JsonLines() if in_cluster else TextLines("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
