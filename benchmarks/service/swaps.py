"""What fifty swaps leave in memory, and whether a row's bits depend on its batch: `python -m benchmarks.service.swaps`.

A version is loaded beside the one that answers, asked, swapped in, and the one before is closed, as the service does it.
"""

import asyncio
import os
import tempfile
from pathlib import Path

import numpy as np
import psutil

from benchmarks.service.calls import make_model
from components.scoring.rows import RowReader
from components.scoring.scorer import Scorer
from components.serving.directory import Directory, ServedModel, State, VersionState
from components.serving.loading import open_version
from components.serving.metrics import Metrics
from components.serving.service import Limits, Predict, Servable, Service

SWAPS, EARLY = 50, 5
REQUESTS = 20
"""Between two swaps."""
ROWS = 1000


async def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as folder:
        saved_model = make_model(Path(folder) / "model")
        scorer, reader = open_version(saved_model, "the model")
        equal = same_bits(scorer, reader)
        scorer.close()
        early, late = await memory_of_swaps(saved_model)
    print(f"{equal:,} of {ROWS:,} rows have the bits of a row alone, in batches of random sizes")
    print(f"{early / 2**20:.1f} MB after {EARLY} swaps, {late / 2**20:.1f} MB after {SWAPS}: {late / early:.3f} (goal: at most 1.1)")


def rows_of(reader: RowReader, count: int, seed: int) -> list[dict[str, object]]:
    """Random rows."""
    random = np.random.default_rng(seed)

    def value(dtype: str) -> object:
        if dtype == "string":
            return f"t{random.integers(0, 9)}"
        return int(random.integers(0, 1000)) if dtype == "int64" else float(np.float32(random.normal(0, 30)))

    return [{column.name: value(column.dtype) for column in reader.features.signatures.columns} for _ in range(count)]


def same_bits(scorer: Scorer, reader: RowReader) -> int:
    """How many of random rows have the same score alone as in a batch of 1 to 300."""
    rows, random = rows_of(reader, ROWS, 1), np.random.default_rng(2)
    alone = np.concatenate([scorer.score(reader.read([row]).packed) for row in rows])
    parts, start = [], 0
    while start < ROWS:
        size = int(random.integers(1, 301))
        parts.append(scorer.score(reader.read(rows[start : start + size]).packed))
        start += size
    together = np.concatenate(parts)
    return int((alone.view(np.uint32) == together.view(np.uint32)).all(axis=1).sum())


async def memory_of_swaps(saved_model: Path) -> tuple[int, int]:
    """Resident bytes after the early and after all swaps."""
    service, process, early = Service(Metrics(), Limits()), psutil.Process(os.getpid()), 0
    before: Servable | None = None
    for version in range(1, SWAPS + 2):
        servable = service.servable("model", version, *await asyncio.to_thread(open_version, saved_model, "the model"))
        states = {version: VersionState(State.AVAILABLE)}
        service.directory = Directory({"model": ServedModel({version: servable}, states, {"stable": version}, version)})
        for number, row in enumerate(rows_of(servable.reader, REQUESTS, version)):
            asked = Predict(model="model", body=b"", request_id=str(number), received_microseconds=0)
            await service.score(servable, asked, servable.reader.read([row]))
        if before is not None:
            await asyncio.to_thread(before.scorer.close)
        before = servable
        if version == EARLY + 1:
            early = process.memory_info().rss
    return early, process.memory_info().rss


if __name__ == "__main__":
    asyncio.run(main())
