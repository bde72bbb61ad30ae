"""Ships segments to BigQuery, exactly once, in a process of its own: whatever BigQuery does, no request waits for it."""

import logging
import os
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import requests
from google.api_core.exceptions import GoogleAPICallError

from components.cloud import Cloud
from components.errors import AccessError
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
ALREADY_EXISTS = grpc.StatusCode.ALREADY_EXISTS.value[0]
AWAY = (GoogleAPICallError, grpc.RpcError, AccessError, requests.RequestException)


class _NotTakenError(Exception):
    """BigQuery answers that it does not take rows."""


@dataclass
class Shipper:
    """Ships what is in a folder: one folder a model, with its segments and a description of each version's columns."""

    cloud: Cloud
    folder: Path
    _segments: dict[Path, Segment] = field(default_factory=dict)
    _ready: set[Path] = field(default_factory=set)
    has_to_end: threading.Event = field(default_factory=threading.Event)
    """Set when the service is at its end."""

    def run(self, parent: int) -> None:
        """Ship until the process `parent` has ended or says that it does, and all it has left is shipped or DRAIN_SECONDS are over."""
        with exclusive_lock(self.folder / ".shipper.lock"):
            wait, deadline = IDLE_SECONDS, float("inf")
            while time.monotonic() < deadline:
                is_ending = os.getppid() != parent or self.has_to_end.is_set()  # before the look: what was left before it is seen
                try:
                    is_idle, wait = not self.ship(), IDLE_SECONDS
                except (*AWAY, _NotTakenError) as error:
                    is_idle, wait = False, min(2 * wait, LONGEST_WAIT_SECONDS)
                    why = f"{type(error).__name__}: {error}"[:300]
                    log.warning("BigQuery does not take predictions, which wait here", extra={"why": why})
                if is_ending:
                    if is_idle:
                        return
                    deadline = min(deadline, time.monotonic() + DRAIN_SECONDS)
                if is_idle or wait > IDLE_SECONDS:
                    self._pause(wait)

    def _pause(self, seconds: float) -> None:
        """Wait, at the end of the service never longer than an idle moment."""
        if self.has_to_end.is_set():
            time.sleep(IDLE_SECONDS)
        else:
            self.has_to_end.wait(seconds)

    def ship(self) -> bool:
        """Send all that is there now. Returns whether there was anything.

        Raises:
            GoogleAPICallError, RpcError, AccessError, RequestException: BigQuery is away; nothing is lost.
        """
        sent = [self._ship_segment(path) for path in sorted(self.folder.glob(f"*/*{SUFFIX}"))]
        return any(sent)

    def _ship_segment(self, path: Path) -> bool:
        segment = self._segments.setdefault(path, Segment(path))
        is_closed, has_sent = segment.is_closed(), False
        while found := segment.next_frame():
            frame, records = found
            table = self._table(path.parent / f"{records[0].header.version}.json")
            self._append(segment, table, frame.offset, arrow_rows(table, records))
            segment.taken()
            has_sent = True
        if is_closed:
            if segment.stream:
                self._writer.finalize_write_stream(name=segment.stream, timeout=CALL_SECONDS, retry=None)
            segment.delete()
            del self._segments[path]
        return has_sent

    def _table(self, description: Path) -> LogTable:
        table = read_log_table(description)
        if description not in self._ready:
            ensure_table(self.cloud.warehouse, table)
            if table.has_view:
                ensure_view(self.cloud.warehouse, table)
            self._ready.add(description)
        return table

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
        answer = next(iter(self._writer.append_rows(iter([request]), timeout=CALL_SECONDS, retry=None)))
        if answer.error.code not in (0, ALREADY_EXISTS):
            self._ready.clear()  # the table may lack a column that it had
            raise _NotTakenError(answer.error.message)

    @cached_property
    def _writer(self) -> "BigQueryWriteClient":
        return bigquery_write_client(self.cloud.settings)
