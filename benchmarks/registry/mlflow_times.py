"""MLflow's registry on the same PostgreSQL with as many metrics, in an environment of its own: nothing of ours is imported here.

python benchmarks/registry/mlflow_times.py FOLDER-OF-THE-SOCKET MODELS VERSIONS METRICS-OF-A-VERSION LISTED ROUNDS

MLflow talks to PostgreSQL by its socket, without TLS and passwords, ours by the connector. Prints JSON.
"""

import json
import logging
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import mlflow
import sqlalchemy as sa
from mlflow import MlflowClient

MODEL, NUMBER, NEW = "bench_3", "60", "bench_new"
START_SECONDS = 120


def main() -> None:
    """Fill, then time both ways that MLflow has to its database."""
    folder = sys.argv[1]
    *counts, listed, rounds = map(int, sys.argv[2:])
    given = dict(zip(("models", "versions", "metrics"), counts, strict=True))
    server = f"postgresql+psycopg2://cloudsqladmin@/{{}}?host={folder}"
    with sa.create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE mlflow")
    uri = server.format("mlflow")
    direct = MlflowClient(uri, uri)
    direct.create_registered_model(NEW)  # makes the tables too
    with sa.create_engine(uri).begin() as connection:
        for sql in Path(__file__).with_suffix(".sql").read_text().rstrip().split(";\n"):
            statement = sa.text(sql)
            connection.execute(statement, {name: value for name, value in given.items() if name in statement.compile().params})
        rows = connection.exec_driver_sql("SELECT (SELECT count(*) FROM metrics) + (SELECT count(*) FROM latest_metrics)").scalar()
    found = {"mlflow": mlflow.__version__, "rows": rows, "direct": times(direct, given["versions"], listed, rounds)}
    with tracking_server(uri) as address:
        found["server"] = times(MlflowClient(address, address), given["versions"], listed, rounds)
    print(json.dumps(found))


def times(client: MlflowClient, versions: int, listed: int, rounds: int) -> dict[str, float]:
    """Medians in milliseconds."""
    query = f"name='{MODEL}'"
    calls: dict[str, Callable[[int], object]] = {
        "create": lambda number: client.create_model_version(NEW, f"gs://bench/new/{number}", await_creation_for=0),
        "get": lambda _: client.get_model_version(MODEL, NUMBER),
        "promote": lambda number: client.set_registered_model_alias(MODEL, "champion", str(1 + number % versions)),
        "list": lambda _: client.search_model_versions(query, max_results=listed),
    }
    return {name: milliseconds(call, rounds) for name, call in calls.items()}


def milliseconds(call: Callable[[int], object], rounds: int) -> float:
    """The median, after a call that does not count."""
    call(0)
    found = []
    for number in range(1, rounds + 1):
        started = time.perf_counter()
        call(number)
        found.append(time.perf_counter() - started)
    return median(found) * 1000


@contextmanager
def tracking_server(uri: str) -> Iterator[str]:
    """MLflow's own server in front of the database, as a team runs it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        uri,
        "--default-artifact-root",
        "gs://bench",
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(address: str) -> None:
    """Until it answers."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    main()
