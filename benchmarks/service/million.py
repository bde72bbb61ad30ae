"""A million predictions while versions change, the service is killed and BigQuery is away: `python -m benchmarks.service.million [ROWS]`.

`perennial serve` as a process of its own on emulators of its own. What counts is done when so many of the rows are answered: five
deployments, two `kill -9` of the service, and BigQuery's emulator killed and away for a third of it. Then every answered row must be in the
log once, and a thousand random ones must have the same score to the bit when they are explained, in batches of other sizes.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvloop

from benchmarks.service.swaps import rows_of
from benchmarks.service.versions import MODEL, Versions, make_folder
from components.cloud import Cloud
from components.prediction_log.table import DATASET, DAY
from components.serving.explanation import _explain
from components.serving.loading import open_version
from components.settings import REPOSITORY, read_settings
from pipelines.local.daemons import find
from tests.infra.emulators.emulator_process import free_port

CLIENTS, BODIES, SIZES = 8, 500, (1, 1, 1, 4, 16, 64)
"""Half of the requests have one row."""
SWAPS, KILLS, AWAY = (0.1, 0.3, 0.5, 0.7, 0.9), (0.25, 0.6), (0.34, 0.67)
EXPLAINED = 1000
LOG = f"{DATASET}.{MODEL}"
SHIPPED_SECONDS = 1800.0


@dataclass
class Tally:
    """What came of the requests."""

    rows: int
    """Of them to answer."""
    answered: dict[str, int] = field(default_factory=dict)
    """Rows by request."""
    done: int = 0
    cut: int = 0
    """Connections that broke under a request."""
    refused: Counter[int] = field(default_factory=Counter)
    """Other answers by status."""
    asked: int = 0

    @property
    def share(self) -> float:
        """Of the rows that are answered."""
        return self.done / self.rows


@dataclass
class Served:
    """The service, which may be killed and started again."""

    environment: dict[str, str]
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "pipelines", "serve", "--target", "local", "--port", str(self.port)]
        with (Path(self.environment["PERENNIAL_STATE_FOLDER"]) / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=REPOSITORY)
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            assert self.process.poll() is None, "the service ended: see serve.log"
            await asyncio.sleep(0.2)

    async def end(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        await asyncio.to_thread(self.process.wait)


def main() -> None:
    """Measure, and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="perennial-million-") as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
        environment |= {"PERENNIAL_STATE_FOLDER": folder, "PERENNIAL_MODELS_FOLDER": f"{folder}/models"}
        os.environ.update(environment)
        (Path(folder) / "models").mkdir()
        try:
            subprocess.run([sys.executable, "-m", "pipelines", "up"], check=True, cwd=REPOSITORY)
            uvloop.run(run(Path(folder), environment, rows))
        finally:
            subprocess.run([sys.executable, "-m", "pipelines", "down"], check=True, cwd=REPOSITORY)


async def run(folder: Path, environment: dict[str, str], rows: int) -> None:
    """All of it."""
    cloud = Cloud(read_settings())
    versions, saved_model = Versions(cloud, "local"), make_folder(folder)
    made = [versions.make(saved_model) for _ in range(len(SWAPS) + 1)]
    versions.deploy(made[0])
    scorer, reader = open_version(saved_model, "the model")
    bodies = [
        (size, json.dumps({"instances": rows_of(reader, size, seed)}).encode())
        for seed in range(BODIES)
        for size in (SIZES[seed % len(SIZES)],)
    ]
    scorer.close()
    served, tally, begun = Served(environment, free_port()), Tally(rows), time.monotonic()
    await served.start()
    token = (folder / "serving" / "token").read_text()
    clients = [asyncio.create_task(ask(tally, served, token, bodies, number)) for number in range(CLIENTS)]
    await asyncio.gather(*clients, *disturbances(tally, served, versions, made, folder))
    seconds = time.monotonic() - begun
    print(
        f"{tally.asked:,} requests, {tally.done:,} rows answered in {seconds:.0f} s; cut {tally.cut}, other answers {dict(tally.refused)}",
        flush=True,
    )
    spool, shipping = folder / "serving" / "log" / "local" / MODEL, time.monotonic()
    await served.end(signal.SIGTERM)
    if left := list(spool.glob("*.segment")):  # what it had no time to ship
        await served.start()
        while any(file.exists() for file in left) and time.monotonic() - shipping < SHIPPED_SECONDS:
            await asyncio.sleep(1)
        await served.end(signal.SIGTERM)
    waiting = sum(file.stat().st_size for file in spool.glob("*.segment"))
    print(f"shipped {time.monotonic() - shipping:.0f} s after the last answer; {waiting:,} bytes wait", flush=True)
    count(cloud, tally)
    explain(cloud)


async def ask(tally: Tally, served: Served, token: str, bodies: list[tuple[int, bytes]], number: int) -> None:
    """One client, until enough is answered."""
    picked = random.Random(number)
    while tally.done < tally.rows:
        try:
            async with connection(served.port) as (reader, writer):
                while tally.done < tally.rows:
                    size, body = picked.choice(bodies)
                    tally.asked += 1
                    name = f"{number}-{tally.asked}"
                    head = (
                        f"POST /v1/models/{MODEL}:predict HTTP/1.1\r\nHost: x\r\nX-Request-Id: {name}\r\nAuthorization: Bearer {token}\r\n"
                    )
                    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                    answer = await reader.readuntil(b"\r\n\r\n")
                    length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                    await reader.readexactly(length)
                    if answer.startswith(b"HTTP/1.1 200 "):
                        tally.answered[name] = size
                        tally.done += size
                    else:
                        tally.refused[int(answer[9:12])] += 1
        except (OSError, asyncio.IncompleteReadError):
            tally.cut += 1
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """To the service; nobody is there while it starts, which is no cut connection."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.1)
    try:
        yield reader, writer
    finally:
        writer.close()


def disturbances(tally: Tally, served: Served, versions: Versions, made: list[int], folder: Path) -> list["asyncio.Task[None]"]:
    """What happens on the way, each when its share of the rows is answered."""

    async def at(share: float, what: str, do: Callable[[], object]) -> None:
        while tally.share < share:
            await asyncio.sleep(0.05)
        print(f"{tally.share:.0%}: {what}", flush=True)
        await asyncio.to_thread(do)

    async def killed(share: float) -> None:
        await at(share, "kill -9 of the service", lambda: None)
        await served.end(signal.SIGKILL)
        await served.start()

    def kill_bigquery() -> None:
        daemon = find(folder / "emulators" / "bigquery.pid")
        assert daemon is not None
        os.kill(daemon.pid, signal.SIGKILL)

    def bring_back() -> None:
        subprocess.run([sys.executable, "-m", "pipelines", "up"], check=True, cwd=REPOSITORY)

    swaps = [
        at(share, f"version {version} is deployed", partial(versions.deploy, version))
        for share, version in zip(SWAPS, made[1:], strict=True)
    ]
    away = [at(AWAY[0], "kill -9 of BigQuery", kill_bigquery), at(AWAY[1], "BigQuery is back", bring_back)]
    return [asyncio.create_task(one) for one in (*swaps, *(killed(share) for share in KILLS), *away)]


def count(cloud: Cloud, tally: Tally) -> None:
    """Hold the log against what was answered."""
    query = f"SELECT request_id, COUNT(*) AS n, COUNT(DISTINCT instance) AS instances FROM {LOG} GROUP BY 1"
    logged = {row.request_id: (row.n, row.instances) for row in cloud.warehouse.query(query).result()}
    lost = sum(rows for name, rows in tally.answered.items() if name not in logged)
    partly = sum(1 for name, rows in tally.answered.items() if name in logged and logged[name][1] != rows)
    doubled = sum(n - instances for n, instances in logged.values())
    more = len(logged.keys() - tally.answered.keys())
    print(f"log: {sum(n for n, _ in logged.values()):,} rows; lost {lost}, doubled {doubled}, requests logged in part {partly}")
    print(f"requests that were logged as the service was killed, and not answered: {more}", flush=True)


def explain(cloud: Cloud) -> None:
    """Score random logged rows again, in batches of random sizes."""
    query = f"SELECT * FROM {LOG} ORDER BY FARM_FINGERPRINT(CONCAT(request_id, CAST(instance AS STRING))) LIMIT {EXPLAINED}"
    rows = [dict(row) for row in cloud.warehouse.query(query).result()]
    picked, equal, batches = random.Random(1), 0, 0
    for version in sorted({row["version"] for row in rows}):
        own = [row for row in rows if row["version"] == version]
        while own:
            size = picked.choice((1, 5, 37, 200))
            equal += sum(one.is_equal for one in _explain(cloud, MODEL, version, own[:size], DAY))
            own, batches = own[size:], batches + 1
    print(f"{equal:,} of {len(rows):,} random logged predictions are equal to the bit, scored again in {batches} batches")


if __name__ == "__main__":
    main()
