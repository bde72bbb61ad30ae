"""What our registry takes with a million metrics in it, on the emulators that the settings name. Prints JSON.

python -m benchmarks.registry.measure
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from threading import Barrier
from typing import cast
from uuid import uuid4

import sqlalchemy as sa

from benchmarks.registry.rows import MILLION, fill, model_name
from components.canonical import fingerprint
from components.database.engine import make_engine
from components.diagnosis.versions import read_version_or_run
from components.errors import ConflictError, RegistryError
from components.model.folder import Model
from components.registry.deployments import Action, NewEvent, Request, append, history, last_event, read_candidate
from components.registry.history import list_versions, read_version
from components.registry.versions import NewVersion, register_version
from components.runs.record import Run, Trigger, start_run
from components.settings import Settings, read_settings
from components.storage.manifest import Entry, Manifest, content_sha256

ROUNDS = 100
PUSHERS, DEPLOYERS, LISTED = 50, 20, 50
MODEL, NUMBER = model_name(3), 60


class Named:
    """All of a model that reading two of its versions needs."""

    name = MODEL


def main() -> None:
    """Fill, then time."""
    settings = read_settings()
    owner = make_engine(settings.as_owner())
    started = time.monotonic()
    with owner.begin() as connection:
        fill(connection, MILLION)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE registry.metric")
    found = {"metrics": MILLION.metrics, "fill_seconds": time.monotonic() - started}
    print(
        json.dumps(found | {"pushes": push_at_once(settings), "deployers": deploy_at_once(settings), "milliseconds": one_by_one(settings)})
    )


def one_by_one(settings: Settings) -> dict[str, float]:
    """Medians of single calls, each with a connection from the pool."""
    engine = make_engine(settings)
    news = new_versions(engine, ROUNDS + 1)

    def create(number: int) -> None:
        with engine.begin() as connection:
            register_version(connection, news[number])

    def promote(number: int) -> None:
        with engine.begin() as connection:
            seen = last_event(connection, MODEL, "local")
            deploy(connection, 1 + number % MILLION.versions, seen.seq if seen else 0)

    def compare(_: int) -> None:
        with engine.connect() as connection:
            for number in (NUMBER, NUMBER + 1):
                read_version_or_run(connection, cast("Model", Named), str(number))

    def read(what: Callable[[sa.Connection], object]) -> Callable[[int], None]:
        def call(_: int) -> None:
            with engine.connect() as connection:
                what(connection)

        return call

    calls = {
        "create": create,
        "get": read(lambda connection: read_candidate(connection, MODEL, NUMBER)),
        "promote": promote,
        "list": read(lambda connection: list_versions(connection, MODEL, limit=LISTED)),
        "show": read(lambda connection: read_version(connection, MODEL, NUMBER)),
        "compare": compare,
        "history": read(lambda connection: history(connection, MODEL, limit=LISTED)),
    }
    return {name: milliseconds(call) for name, call in calls.items()}


def milliseconds(call: Callable[[int], object]) -> float:
    """The median of ROUNDS calls, after one that does not count."""
    call(0)
    times = []
    for number in range(1, ROUNDS + 1):
        started = time.perf_counter()
        call(number)
        times.append(time.perf_counter() - started)
    return median(times) * 1000


def push_at_once(settings: Settings) -> dict[str, object]:
    """Fifty pushes of one model, each with a connection of its own."""
    engine = make_engine(settings, pool_size=PUSHERS)
    news, ready = new_versions(engine, PUSHERS), Barrier(PUSHERS)

    def push(new: NewVersion) -> int:
        with engine.begin() as connection:
            ready.wait()
            return register_version(connection, new)

    return crowd(push, news)


def deploy_at_once(settings: Settings) -> dict[str, object]:
    """Twenty who deploy to one target, having seen the same last event."""
    engine, ready = make_engine(settings, pool_size=DEPLOYERS), Barrier(DEPLOYERS)
    with engine.connect() as connection:
        last = last_event(connection, MODEL, "prod")

    def push(number: int) -> int:
        with engine.begin() as connection:
            ready.wait()
            return deploy(connection, number, last.seq if last else 0, target="prod")

    return crowd(push, range(1, DEPLOYERS + 1))


def crowd(act: Callable[..., int], given: list[NewVersion] | range) -> dict[str, object]:
    """All at the same time: seconds, what they got, and in which words they were refused."""

    def attempt(one: object) -> int | str:
        try:
            return act(one)
        except ConflictError:
            return "stale"
        except RegistryError as error:
            return str(error)

    started = time.monotonic()
    with ThreadPoolExecutor(len(given)) as pool:
        answers = list(pool.map(attempt, given))
    numbers = sorted(answer for answer in answers if isinstance(answer, int))
    return {"seconds": time.monotonic() - started, "numbers": numbers, "refused": [answer for answer in answers if isinstance(answer, str)]}


def deploy(connection: sa.Connection, version: int, seen: int, *, target: str = "local") -> int:
    """Append an event to the log, which is what makes a version live there."""
    request = Request(
        model=MODEL, target=target, action=Action.DEPLOY, version=version, request_id=uuid4().hex, actor="bench", reason="to be timed"
    )
    return append(connection, NewEvent(request=request, version=version, seen=seen, smoke={})).seq


def new_versions(engine: sa.Engine, count: int) -> list[NewVersion]:
    """Versions that may be registered, of a model that is new: their runs are recorded."""
    model, made = f"bench_new_{uuid4().hex[:8]}", []
    with engine.begin() as connection:
        snapshot_id = read_version(connection, MODEL, NUMBER).snapshot.snapshot_id
        for number in range(count):
            run_id = f"{model}-{number}"
            start_run(connection, new_run(run_id, model))
            entries = (Entry("saved_model.pb", 1_000, fingerprint([run_id]), "AAAAAA==", 1_800_000_000_000_001),)
            made.append(
                NewVersion(
                    model=model,
                    run_id=run_id,
                    snapshot_id=snapshot_id,
                    code_sha256="1" * 64,
                    training_sha256=fingerprint([run_id, "weights"]),
                    manifest=Manifest(f"gs://bench/content/{model}/{content_sha256(entries)}", entries),
                    framework="tensorflow",
                    examples_sha256="3" * 64,
                    training_machine="an abacus",
                )
            )
    return made


def new_run(run_id: str, model: str) -> Run:
    """As small as a run may be."""
    return Run(
        run_id=run_id,
        model=model,
        pipeline_name="training",
        pipeline_version="0.1.0",
        pipeline_sha256="a" * 64,
        parameters={},
        trigger=Trigger.PERSON,
        reason="to be timed",
        environment_digest=f"sha256:{'b' * 64}",
        package_versions={},
        host="host",
    )


if __name__ == "__main__":
    main()
