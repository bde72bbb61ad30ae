"""Sixty-four clients at our service and at MLflow's scoring server with the same model: `python -m benchmarks.service.crowd`.

Both are one process; one waits while the other is asked, in turns. MLflow comes in an environment of its own, which uv makes once.
"""

import asyncio
import contextlib
import json
import os
import signal
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import uvloop

from benchmarks.service.calls import make_model, serve_here
from benchmarks.service.clients import Answered, Load, start_clients
from components.serving.loading import open_version
from components.serving.metrics import Metrics
from components.serving.service import Limits, Service
from tests.components.export.mlflow_process import MLFLOW, wait_until_up
from tests.infra.emulators.emulator_process import free_port

CLIENTS, ROUNDS, SECONDS = 64, 5, 4.0
SAVE = Path(__file__).with_name("mlflow_model.py")


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as folder:
        saved_model = make_model(Path(folder) / "model")
        with mlflow_server(saved_model, Path(folder)) as port:
            rounds = uvloop.run(measure(saved_model, port))
    for name, place in (("ours", 0), ("MLflow's", 1)):
        rates = [len(answers[place].seconds) / SECONDS for answers in rounds]
        p50, p99 = (1e3 * statistics.median(quantile(answers[place], share) for answers in rounds) for share in (0.5, 0.99))
        between = f"{min(rates):,.0f} to {max(rates):,.0f}"
        print(f"{name:<10} {statistics.median(rates):9,.0f} requests a second ({between}), p50 {p50:.1f} ms, p99 {p99:.1f}")
    ratios = [len(ours.seconds) / len(theirs.seconds) for ours, theirs in rounds]
    print(
        f"{statistics.median(ratios):.1f} times MLflow's requests with {CLIENTS} clients ({min(ratios):.1f} to {max(ratios):.1f}; goal: 10)"
    )
    print(f"load of the machine: {' '.join(f'{load:.1f}' for load in os.getloadavg())}")


async def measure(saved_model: Path, mlflow_port: int) -> list[tuple[Answered, Answered]]:
    """What each round came to, ours first."""
    scorer, reader = open_version(saved_model, "the model")
    row = {column.name: {"int64": 3, "float32": 2.5, "string": "a"}[column.dtype] for column in reader.features.signatures.columns}
    service = Service(Metrics(), Limits())
    port = await serve_here(service, scorer, reader)
    ours = port, "/v1/models/model:predict", json.dumps({"instances": [row]}).encode()
    theirs = mlflow_port, "/invocations", json.dumps({"dataframe_records": [row]}).encode()
    clients, rounds = start_clients(), []
    for number in range(ROUNDS + 1):
        answers = []
        for asked in (ours, theirs):
            clients.send(Load(*asked, CLIENTS, SECONDS if number else 1.0))
            answers.append(await asyncio.to_thread(clients.recv))
            if answers[-1].refused:
                raise SystemExit(f"{answers[-1].refused} of {len(answers[-1].seconds)} requests to {asked[1]} were refused")
        if number:  # the first warms both up
            rounds.append((answers[0], answers[1]))
    clients.send(None)
    return rounds


def quantile(answers: Answered, share: float) -> float:
    """Seconds."""
    return sorted(answers.seconds)[int(share * (len(answers.seconds) - 1))]


@contextlib.contextmanager
def mlflow_server(saved_model: Path, folder: Path) -> Iterator[int]:
    """Its port."""
    import tensorflow as tf

    run = ["uv", "run", "--no-project", "--isolated", *MLFLOW, "--with", f"tensorflow=={tf.__version__}"]
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
    }
    subprocess.run([*run, "python", str(SAVE), str(saved_model), str(folder / "mlflow")], check=True, env=environment, cwd=folder)
    port, log = free_port(), folder / "mlflow.log"
    serve = [
        "mlflow",
        "models",
        "serve",
        "--model-uri",
        str(folder / "mlflow"),
        "--env-manager",
        "local",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    with log.open("w") as output:
        process = subprocess.Popen([*run, *serve], stdout=output, stderr=output, env=environment, cwd=folder, start_new_session=True)
    try:
        wait_until_up(f"http://127.0.0.1:{port}", process, log, seconds=900)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    main()
