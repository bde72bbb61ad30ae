"""The service's predictions into the spool of the log, and the process that ships them."""

import logging
import os
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from components.model.card import read_card_file
from components.model.folder import CARD_FILE
from components.prediction_log.record import LogRecord, RecordHeader, encode, encoded_parts
from components.prediction_log.shipper import DRAIN_SECONDS, ShippingTrouble, read_trouble
from components.prediction_log.spool import LIMIT_BYTES, Spool
from components.prediction_log.table import DATASET, DAY, REFUSED, LogTable, refused_log
from components.scoring.scorer import environment
from components.serving.metrics import Metrics
from components.serving.service import HASHES, Asked, Scored, Servable, Unanswered
from components.settings import Settings
from components.wording import count

log = logging.getLogger(__name__)

NO_VERSION = 0
"""A request that is refused may name any, or none."""
ROW_BYTES = 4 << 20
"""A row of more is not logged: BigQuery may not take it, and would take none behind it."""
END_SECONDS = 2 * DRAIN_SECONDS
"""How long the end of the service waits for its log to be shipped."""


@dataclass(frozen=True)
class LogOptions:
    """What is logged, and for how long."""

    share: float = 1.0
    """Of the requests, by hash of their id."""
    expires_days: int | None = None
    """Partitions of the table expire after so many days; None: never. Only a table that is made by this gets it."""
    sensitive: Literal["keep", "hash", "omit"] = "keep"
    """What becomes of the columns that card.toml calls sensitive."""
    limit_bytes: int = LIMIT_BYTES


@dataclass
class Remembering:
    """Notes every prediction in the spool of its model."""

    settings: Settings
    target: str
    metrics: Metrics
    options: LogOptions
    _spools: dict[str, Spool] = field(default_factory=dict)
    _blind: dict[str, str] = field(default_factory=dict)
    """Why no column of a model's newest version is logged."""
    _shipper: "subprocess.Popen[bytes] | None" = None

    @property
    def folder(self) -> Path:
        """Where the segments are: of this target, on this machine."""
        return self.settings.state_folder / "serving" / "log" / self.target

    def open(self, servable: Servable) -> None:
        """Make ready for the predictions of a version."""
        self._blind.pop(servable.model, None)
        features = servable.reader.features
        folder = self.folder / servable.model
        if servable.model not in self._spools:
            self._spools[servable.model] = Spool(folder, self.options.limit_bytes)
        hidden = () if self.options.sensitive == "keep" else self._sensitive(servable)
        table = LogTable(
            table=f"{self.settings.project}.{features.log or f'{DATASET}.{servable.model}'}",
            day_field=features.log_day or DAY,
            target=self.target,
            model=servable.model,
            environment=environment(),
            columns=features.signatures.columns,
            expires_days=self.options.expires_days,
            key=features.key,
            span=features.span,
            hashed=hidden if self.options.sensitive == "hash" else (),
            omitted=hidden if self.options.sensitive == "omit" else (),
        )
        table.write(folder / f"{servable.version}.json")
        refused = self.folder / f"{servable.model}.{REFUSED}"
        if refused.name not in self._spools:
            self._spools[refused.name] = Spool(refused, self.options.limit_bytes)
        refused_log(table).write(refused / f"{NO_VERSION}.json")

    def _sensitive(self, servable: Servable) -> tuple[str, ...]:
        """The columns to hide: every one where it cannot be known which."""
        folder, names = self.settings.models_folder / servable.model, servable.reader.features.names
        sensitive = read_card_file(folder).sensitive_columns
        unknown = [name for name in sensitive if name not in names]
        if (folder / CARD_FILE).is_file() and not unknown:
            return sensitive
        which = f"{unknown[0]!r} is no column of it" if unknown else f"{folder} has none"
        why = f"no column of {servable.model} {servable.version} is logged, as card.toml does not say which are sensitive: {which}"
        self._blind[servable.model] = f"{why}; correct it, or serve with --sensitive keep"
        log.warning("the columns of a version are not logged", extra={"why": self._blind[servable.model]})
        return names

    def refuse(self, refused: Unanswered) -> None:
        """Write that a request was refused, or failed: nothing of what it had in it, but how many rows."""
        name = f"{refused.model}.{REFUSED}"
        if name not in self._spools:
            return
        header = RecordHeader(
            request_id=refused.request_id,
            event_microseconds=time.time_ns() // 1000,
            version=NO_VERSION,
            role=REFUSED,
            latency_microseconds=int(refused.seconds * 1_000_000),
            weight=1.0,
            trace_id=None,
            rows=1,
            keys=[None],
            spans=[None],
            texts=[[]],
        )
        numbers = {"int64": np.array([[refused.status, refused.rows]], np.int64)}
        self._spools[name].append([encode(LogRecord(header, numbers, np.full((1, 1), np.nan, np.float32)))], 1)

    def note(self, scored: Scored) -> None:
        """Write what was scored, before it is answered."""
        spool, now, start = self._spools[scored.servable.model], time.time_ns() // 1000, 0
        records: list[bytes] = []
        rows = large = 0
        for asked in scored.requests:
            end = start + asked.rows.packed.rows
            if self.options.share >= 1 or zlib.crc32(asked.request_id.encode()) < self.options.share * HASHES:
                parts = encoded_parts(self._record(scored, asked, now, start, end))
                if max(map(len, parts)) > ROW_BYTES:
                    large += end - start
                else:
                    records += parts
                    rows += end - start
            start = end
        if large:
            self.metrics.count("request_log_count", large, model_name=scored.servable.model, status="INVALID_ARGUMENT")
        if records:
            is_kept = spool.append(records, rows)
            status = "OK" if is_kept else "RESOURCE_EXHAUSTED"
            self.metrics.count("request_log_count", rows, model_name=scored.servable.model, status=status)

    def _record(self, scored: Scored, asked: Asked, now: int, start: int, end: int) -> LogRecord:
        rows, packed = end - start, asked.rows.packed
        texts = [[text.decode() for text in row] for row in packed.inputs["string"][:rows].tolist()] if "string" in packed.inputs else []
        header = RecordHeader(
            request_id=asked.request_id,
            event_microseconds=asked.received_microseconds,
            version=scored.servable.version,
            role=asked.role.value,
            latency_microseconds=max(0, now - asked.received_microseconds),
            weight=1 / self.options.share,
            trace_id=asked.trace_id,
            rows=rows,
            keys=asked.rows.keys,
            spans=asked.rows.spans,
            texts=texts,
        )
        numbers = {name: array[:rows] for name, array in packed.inputs.items() if name != "string"}
        return LogRecord(header, numbers, scored.scores[start:end])

    def notes(self) -> list[str]:
        """What is wrong with the log, while all is answered."""
        full = [
            f"the prediction log of {model} has no room: {count(spool.dropped_rows)} predictions were answered and not logged"
            for model, spool in self._spools.items()
            if spool.is_full
        ]
        waiting = [f"the prediction log of {model} waits, BigQuery does not take it: {trouble.why}" for model, trouble in self._troubles()]
        return [*full, *waiting, *self._blind.values()]

    def _troubles(self) -> list[tuple[str, ShippingTrouble]]:
        return [(model, trouble) for model in sorted(self._spools) if (trouble := read_trouble(self.folder / model))]

    def _measure(self) -> None:
        """How much waits, and since when, by model."""
        now, since = time.time(), {model: trouble.since for model, trouble in self._troubles()}
        for model, spool in self._spools.items():
            self.metrics.set("perennial_log_waiting_bytes", spool.measured_bytes(), model_name=model)
            self.metrics.set("perennial_log_waiting_seconds", max(0.0, now - since.get(model, now)), model_name=model)

    def keep_shipping(self) -> None:
        """Have a process that ships; one that has ended is started again. And measure what waits for it."""
        self._measure()
        if self._shipper is None or self._shipper.poll() is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "components.prediction_log", str(self.folder), str(os.getpid())]
            self._shipper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def close(self) -> None:
        """End the segments, and wait for the process that ships: in a container it would be killed with this one."""
        for spool in self._spools.values():
            spool.close()
        if self._shipper is not None:
            with suppress(subprocess.TimeoutExpired):
                self._shipper.communicate(timeout=END_SECONDS)  # closes its standard input, which tells it
