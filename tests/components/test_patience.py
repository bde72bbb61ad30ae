"""A service that takes connections and never answers: whoever asks it is told so after a while, and not after ten minutes."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from threading import Thread

import pytest

from components.cloud import Cloud
from components.errors import AccessError
from components.google import bigquery_client, bigquery_read_client
from components.settings import Settings
from components.snapshot.arrow_stream import stream_table
from components.snapshot.bigquery_errors import bigquery_errors

TABLE = "perennial-test.site.visits"


@pytest.fixture
def black_hole() -> Iterator[int]:
    """The port of a server that reads and never writes."""
    taken = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def swallow() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        thread = Thread(target=swallow, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in taken:
        connection.close()


@pytest.fixture
def silent(cloud: Settings, black_hole: int) -> Settings:
    """BigQuery in a black hole, for somebody who does not wait long."""
    return cloud.model_copy(
        update={
            "bigquery_endpoint": f"http://127.0.0.1:{black_hole}",
            "bigquery_storage_endpoint": f"127.0.0.1:{black_hole}",
            "answer_timeout_seconds": 0.5,
        }
    )


CALLS: dict[str, Callable[[Cloud], object]] = {
    "get_table": lambda cloud: cloud.warehouse.get_table(TABLE),
    "list_partitions": lambda cloud: cloud.warehouse.list_partitions(TABLE),
    "list_tables": lambda cloud: list(cloud.warehouse.list_tables("site", timeout=600)),
    "query": lambda cloud: cloud.warehouse.query("SELECT 1").result(),
    "copy_table": lambda cloud: cloud.warehouse.copy_table(TABLE, f"{TABLE}_2", timeout=(60, 600)).result(timeout=600),
    "load": lambda cloud: cloud.warehouse.load_table_from_json([{"a": 1}], TABLE).result(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_silent_bigquery_is_named(silent: Settings, call: Callable[[Cloud], object], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "components.patience")
    cloud = Cloud(silent)
    vars(cloud)["warehouse"] = bigquery_client(silent)
    with pytest.raises(AccessError) as error:
        call(cloud)
    assert str(error.value) == f"{silent.bigquery_endpoint} does not answer: run `perennial up`"
    assert {record.message for record in caplog.records if record.name == "components.patience"} == {
        "waiting for a service that does not answer"
    }


def test_a_silent_read_api_is_named(silent: Settings) -> None:
    cloud = Cloud(silent)
    vars(cloud)["reader"] = bigquery_read_client(silent)
    with pytest.raises(AccessError) as error, bigquery_errors(silent, "rows", remedy="wait"):
        list(stream_table(cloud, TABLE))
    assert str(error.value) == f"{silent.bigquery_storage_endpoint} does not answer: run `perennial up`"
