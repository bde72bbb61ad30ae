"""The slowest answers while versions are swapped, against those while none is: `python -m benchmarks.service.tail`.

Windows with and without swaps by turns, a few clients each. A swap does all that the service does but the download: it loads a version
in a thread, checks and warms it, puts it in the place of the one that answers, and closes that.
"""

import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
from itertools import count
from pathlib import Path

import uvloop

from benchmarks.service.calls import make_model, serve_here
from benchmarks.service.clients import Answered, Load, start_clients
from benchmarks.service.crowd import quantile
from benchmarks.service.swaps import rows_of
from components.scoring.rows import RowReader
from components.scoring.scorer import Scorer
from components.serving.directory import Directory, ServedModel, State, VersionState
from components.serving.loading import WARM_BATCHES, open_version
from components.serving.metrics import Metrics
from components.serving.server import SWITCH_SECONDS
from components.serving.service import Limits, Service

CLIENTS, ROUNDS, SECONDS = 4, 7, 6.0
PAUSE_SECONDS = 0.5
"""Between two swaps."""
VERSIONS = count(2)


def main() -> None:
    """Measure, and print."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        rounds, swaps = uvloop.run(measure(make_model(Path(folder) / "model")))
    for share in (0.5, 0.99):
        values = [[1e3 * quantile(answers, share) for answers in round_] for round_ in rounds]
        ratios = [swapping / quiet for quiet, swapping in values]
        quiet, swapping = (statistics.median(column) for column in zip(*values, strict=True))
        between = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(
            f"{share:.0%}: {quiet:.2f} ms without, {swapping:.2f} with swaps; ratio {statistics.median(ratios):.2f} ({between}; goal: 1.5)"
        )
    requests, refused = (sum(len(one.seconds) for pair in rounds for one in pair), sum(one.refused for pair in rounds for one in pair))
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"{swaps} swaps, {requests:,} requests, {refused} refused; load of the machine: {load}")


async def measure(saved_model: Path) -> tuple[list[tuple[Answered, Answered]], int]:
    """What each round came to, without swaps and with; and how many swaps there were."""
    scorer, reader = open_version(saved_model, "the model")
    service = Service(Metrics(), Limits())
    port = await serve_here(service, scorer, reader)
    body = json.dumps({"instances": rows_of(reader, 1, seed=1)}).encode()
    gc.collect()
    gc.freeze()
    clients, rounds, swaps = start_clients(), [], 0
    for number in range(ROUNDS + 1):
        answers = []
        for is_swapping in (False, True):
            clients.send(Load(port, "/v1/models/model:predict", body, CLIENTS, SECONDS if number else 1.0))
            told = asyncio.create_task(asyncio.to_thread(clients.recv))
            while is_swapping and not told.done():
                await swap(service, saved_model)
                swaps += 1
                await asyncio.wait([told], timeout=PAUSE_SECONDS)
            answers.append(await told)
        if number:  # the first warms up
            rounds.append((answers[0], answers[1]))
    clients.send(None)
    return rounds, swaps


async def swap(service: Service, saved_model: Path) -> None:
    """As components/serving/following.py does it."""
    before, version = service.directory.models["model"].loaded, next(VERSIONS)
    servable = service.servable("model", version, *await asyncio.to_thread(load, saved_model))
    states = {version: VersionState(State.AVAILABLE)}
    service.directory = Directory({"model": ServedModel({version: servable}, states, {"stable": version}, version)})
    await asyncio.sleep(0.1)
    for old in before.values():
        await asyncio.to_thread(old.scorer.close)


def load(saved_model: Path) -> tuple[Scorer, RowReader]:
    """Open and warm a version."""
    scorer, reader = open_version(saved_model, "the model")
    for rows in WARM_BATCHES:
        scorer.score(reader.read(rows_of(reader, rows, seed=rows)).packed)
    return scorer, reader


if __name__ == "__main__":
    main()
