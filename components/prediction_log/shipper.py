"""Ships segments to BigQuery, exactly once, in a process of its own: whatever BigQuery does, no request waits for it."""

import json
import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import requests
from google.api_core.exceptions import GoogleAPICallError, NotFound

from components.cloud import Cloud
from components.errors import PerennialError
from components.files import write_whole
from components.google import bigquery_write_client, split_table
from components.lock import exclusive_lock
from components.prediction_log.segment import Segment
from components.prediction_log.spool import SUFFIX
from components.prediction_log.table import LogTable, arrow_rows, ensure_table, ensure_view, read_log_table

if TYPE_CHECKING:
    from google.cloud.bigquery_storage_v1 import BigQueryWriteClient

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 10.0
DRAIN_SECONDS = 10.0
"""After the service has ended, for what it has left."""
CALL_SECONDS = 10.0
REQUEST_BYTES = 9_000_000
"""BigQuery refuses AppendRowsRequests from 10 MB on, by its older documents; 20 MB by the newer."""
ALREADY_EXISTS, NOT_FOUND = grpc.StatusCode.ALREADY_EXISTS.value[0], grpc.StatusCode.NOT_FOUND.value[0]
TROUBLE = "trouble.json"
"""Beside the segments of a model, while they cannot be shipped: since when, and why."""


class _NotTakenError(Exception):
    """BigQuery answers that it does not take rows."""


EXPECTED = (GoogleAPICallError, grpc.RpcError, PerennialError, requests.RequestException, _NotTakenError)


@dataclass(frozen=True)
class ShippingTrouble:
    """Why the segments of a model wait."""

    since: float
    """Seconds since 1970."""
    why: str


def read_trouble(folder: Path) -> ShippingTrouble | None:
    """Why the segments in a folder are not shipped; None if they are."""
    try:
        return ShippingTrouble(**json.loads((folder / TROUBLE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # mostly: there is none
        return None


@dataclass
class Shipper:
    """Ships what is in a folder: one folder a model, with its segments and a description of each version's columns."""

    cloud: Cloud
    folder: Path
    _segments: dict[Path, Segment] = field(default_factory=dict)
    _ready: dict[Path, LogTable] = field(default_factory=dict)
    _waits: dict[Path, tuple[float, float]] = field(default_factory=dict)
    """By the folder of a model that BigQuery does not take: for how long it is left alone, and until when."""
    has_to_end: threading.Event = field(default_factory=threading.Event)
    """Set when the service is at its end."""

    def run(self, parent: int) -> None:
        """Ship until the process `parent` has ended or says that it does, and all it has left is shipped or DRAIN_SECONDS are over."""
        with exclusive_lock(self.folder / ".shipper.lock"):
            deadline = float("inf")
            while time.monotonic() < deadline:
                if os.getppid() != parent:
                    self.has_to_end.set()
                is_ending = self.has_to_end.is_set()  # before the look: what was left before it is seen
                has_sent = self.ship()
                if is_ending:
                    if not has_sent and not self._waits:
                        return
                    deadline = min(deadline, time.monotonic() + DRAIN_SECONDS)
                if not has_sent:
                    time.sleep(IDLE_SECONDS) if is_ending else self.has_to_end.wait(IDLE_SECONDS)

    def ship(self) -> bool:
        """Send what is there now, of each model whatever becomes of the others. Returns whether anything was sent."""
        sent = [self._ship_model(folder) for folder in sorted(self.folder.iterdir()) if folder.is_dir()]
        return any(sent)

    def _ship_model(self, folder: Path) -> bool:
        wait, until = self._waits.get(folder, (IDLE_SECONDS, 0.0))
        if time.monotonic() < until and not self.has_to_end.is_set():
            return False
        try:
            sent = [self._ship_segment(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
        except Exception as error:
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
            self._waits[folder] = wait, time.monotonic() + wait
            _tell(folder, error)
            return False
        self._waits.pop(folder, None)
        (folder / TROUBLE).unlink(missing_ok=True)
        return any(sent)

    def _ship_segment(self, path: Path) -> bool:
        segment = self._segments.get(path) or self._segments.setdefault(path, Segment(path))
        is_closed, has_sent = segment.is_closed(), False
        while found := segment.next_frame():
            frame, records = found
            table = self._table(path.parent / f"{records[0].header.version}.json")
            batch = arrow_rows(table, records)
            if batch.nbytes > REQUEST_BYTES and len(records) > 1:
                segment.halve(len(records))
                continue
            self._append(segment, table, frame.offset, batch)
            segment.taken()
            has_sent = True
        if is_closed:
            if segment.stream:
                with suppress(NotFound):  # with its table
                    self._writer.finalize_write_stream(name=segment.stream, timeout=CALL_SECONDS, retry=None)
            if segment.put_aside():
                log.error("a segment of the prediction log is damaged, and put aside as *.damaged", extra={"segment": str(path)})
            segment.delete()
            del self._segments[path]
        return has_sent

    def _table(self, description: Path) -> LogTable:
        if description not in self._ready:
            table = ensure_table(self.cloud.warehouse, read_log_table(description))
            if table.mistyped:
                features = ", ".join(table.mistyped)
                log.warning("features are not logged: the log's columns have other types", extra={"log": table.table, "features": features})
            if table.has_view:
                ensure_view(self.cloud.warehouse, table)
            self._ready[description] = table
        return self._ready[description]

    def _append(self, segment: Segment, table: LogTable, offset: int, batch: object) -> None:
        from google.cloud.bigquery_storage_v1 import types

        if segment.stream is None:
            project, dataset, name = split_table(table.table)
            parent = f"projects/{project}/datasets/{dataset}/tables/{name}"
            stream = types.WriteStream(type_=types.WriteStream.Type.COMMITTED)
            segment.name_stream(self._writer.create_write_stream(parent=parent, write_stream=stream, timeout=CALL_SECONDS, retry=None).name)
        request = types.AppendRowsRequest(write_stream=segment.stream, offset=offset)
        request.arrow_rows.writer_schema.serialized_schema = batch.schema.serialize().to_pybytes()  # type: ignore[attr-defined] # Arrow's
        request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()  # type: ignore[attr-defined]
        try:
            answer = next(iter(self._writer.append_rows(iter([request]), timeout=CALL_SECONDS, retry=None)))
        except GoogleAPICallError as error:
            self._not_taken(segment, is_gone=isinstance(error, NotFound))
            raise
        if answer.error.code not in (0, ALREADY_EXISTS):
            self._not_taken(segment, is_gone=answer.error.code == NOT_FOUND)
            raise _NotTakenError(answer.error.message)

    def _not_taken(self, segment: Segment, *, is_gone: bool) -> None:
        """Look at the table again: it may lack a column that it had, or be another one, without the stream."""
        self._ready.clear()
        if is_gone:
            segment.forget_stream()

    @cached_property
    def _writer(self) -> "BigQueryWriteClient":
        return bigquery_write_client(self.cloud.settings)


def _tell(folder: Path, error: Exception) -> None:
    """Say why the segments of a model wait: in the log, and to the service."""
    why = f"{type(error).__name__}: {error}"[:300]
    unexpected = None if isinstance(error, EXPECTED) else error
    log.warning("BigQuery does not take predictions, which wait here", exc_info=unexpected, extra={"model": folder.name, "why": why})
    with suppress(OSError, ValueError):
        before = read_trouble(folder)
        write_whole(folder / TROUBLE, json.dumps({"since": before.since if before else time.time(), "why": why}))
