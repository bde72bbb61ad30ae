"""A prediction service of a story, which answers for whole days of its table over HTTP."""

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import click

from components.cloud import Cloud
from components.errors import TaskError
from components.examples.live import stream_any_rows
from components.google import table_name
from components.model.folder import read_model
from components.serving.server import own_token_file
from components.settings import Settings
from components.snapshot.source import read_source_table
from components.snapshot.window import Window

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class AskedService:
    """A service that answers."""

    settings: Settings
    model: str
    port: int

    def serve(self, days: tuple[date, date]) -> None:
        """Ask for every row of some days, with what source.sql knows of it."""
        cloud = Cloud(self.settings)
        model = read_model(self.settings.models_folder, self.model)
        first, last = days
        spans = tuple(first + timedelta(days=number) for number in range((last - first).days + 1))
        table = table_name(read_source_table(cloud, model))
        for span, batch in stream_any_rows(cloud, model, Window(spans, first, last), table=table):
            rows = batch.drop_columns([model.rows.label]).to_pylist()
            self._ask([row | {model.rows.span: span.isoformat()} for row in rows])
            click.echo(f"   {span}: {len(rows)} predictions were asked for")

    def _ask(self, rows: Sequence[Mapping[str, object]]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"Authorization": f"Bearer {own_token_file(self.settings).read_text()}"}
        connection.request("POST", f"/v1/models/{self.model}:predict", json.dumps({"instances": rows}), headers)
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        if reply.status != http.client.OK:
            raise TaskError(f"the service answers {reply.status}: {body.decode(errors='replace')[:300]}")


@contextmanager
def serving(settings: Settings, model: str, target: str, *options: str) -> Iterator[AskedService]:
    """`perennial serve`, once it is ready; at the end all that it logged is in BigQuery.

    Raises:
        TaskError: it does not start, or its log is not shipped in time.
    """
    words = ["serve", "--target", target, *options, "--port", "0"]
    click.echo(f"\n$ perennial {' '.join(words)}")
    command = [sys.executable, "-m", "pipelines", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = next((line for line in process.stderr or () if line.startswith("serving")), "")
        if not address:
            raise TaskError("the prediction service did not start")
        asked = AskedService(settings, model, int(re.findall(r":(\d+)", address)[0]))
        await_that(lambda: _is_ready(asked.port), "the service is ready")
        yield asked
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
    folder = settings.state_folder / "serving" / "log" / target / model
    await_that(lambda: not list(folder.glob("*.segment")), "the log is shipped")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    finally:
        connection.close()


def await_that(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds.

    Raises:
        TaskError: it does not, for a minute.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TaskError(f"{what}: not within {PATIENCE_SECONDS:.0f} s, so that the story cannot go on")
        time.sleep(0.1)
