"""The story of churn, told with real runs: data preparation begins to write text, and what then happens. `make demo-churn` runs it.

It has emulators, data and models of its own, in the state folder that the Makefile names; each time it starts from nothing.
"""

import shutil
import textwrap
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import click
from google.cloud import bigquery

from components.errors import PerennialError, TaskError
from components.google import bigquery_client
from components.model import Model, read_model
from components.registry.runs import RunState, Trigger
from components.settings import REPOSITORY, Settings, read_settings
from pipelines import compare_commands, emulators, launch, reproduce, reproduction_summary, summary
from pipelines.launch import AlreadyTrained, LocalResult
from pipelines.local_runner import ForkServer, fork_server
from pipelines.seed import SCHEMA, Rows, load_partitions, make_table, read_cdnow
from pipelines.services import prepare

MODEL = "churn"
TEXT_SCHEMA = [bigquery.SchemaField(f.name, "STRING" if f.name == "dollar_value" else f.field_type, f.mode) for f in SCHEMA]
FIRST_BAD = date(1997, 12, 1)
LAST_GOOD, FIRST_BLOCKED, LATER = date(1997, 11, 30), date(1997, 12, 7), date(1998, 1, 18)
CURRENCIES = 7
"""Every so many purchases in a row of the file has its currency written behind the amount, once the preparation has changed."""


def main() -> None:
    """Tell it, from nothing."""
    settings = read_settings()
    if settings.state_folder.name != "demo-churn":
        raise SystemExit("run `make demo-churn`: it gives the demo a state folder of its own")
    started = time.monotonic()
    try:
        with fork_server() as server:
            tell(_fresh(settings), server)
    except PerennialError as error:
        raise SystemExit(f"Error: {error}") from error
    finally:
        emulators.stop(settings.state_folder, progress=lambda _: None)
    click.echo(f"\nThe whole story took {time.monotonic() - started:.0f} s. Reports are in {settings.state_folder / 'reports'}")


def tell(settings: Settings, server: ForkServer) -> None:
    """The story."""
    shop = Shop(settings, server)
    _say("1. A shop's purchases land in BigQuery day by day. A model of who will buy nothing in the next 30 days is trained every week.")
    shop.load(date.min, LAST_GOOD, bad=False)
    shop.train(LAST_GOOD)
    _say("2. On 1 December the data preparation changes: some amounts now carry their currency, as in 11.77 USD. The next weekly run:")
    shop.load(FIRST_BAD, LATER, bad=True)
    shop.train(FIRST_BLOCKED, expected=RunState.BLOCKED)
    _say("3. What would have happened without the gate? source.sql casts with SAFE_CAST, so that text silently becomes NULL:")
    shop.train(LATER, waive="to see what would have happened")
    _say("   Why does version 2 differ from version 1?")
    shop.compare("1", "2")
    _say("4. The preparation is mended, and the partitions are loaded again. The next run passes the gate:")
    shop.load(FIRST_BAD, LATER, bad=False)
    shop.train(LATER)
    _say("5. Every version can be made again from its pinned snapshot, to the bit: the bad one too, whose rows the table no longer has.")
    for number in range(1, 4):
        shop.reproduce(number)


def _fresh(settings: Settings) -> Settings:
    """Emulators with nothing in them, and the model with amounts as text in its source."""
    emulators.stop(settings.state_folder, progress=lambda _: None)
    shutil.rmtree(settings.state_folder, ignore_errors=True)
    copy_model(settings.models_folder)
    emulators.start(settings, progress=lambda _: None)
    fresh = read_settings()
    prepare(fresh)
    return fresh


def copy_model(models_folder: Path) -> None:
    """churn, for amounts that are text in the source, on a tenth of the customers: the same code, trained in seconds.

    Raises:
        TaskError: churn's folder is not what it was when this was written.
    """
    folder = models_folder / MODEL
    shutil.copytree(REPOSITORY / "pipelines" / "models" / MODEL, folder)
    edits = {
        "source.sql": {
            "number_of_cds, dollar_value\n": "number_of_cds, SAFE_CAST(dollar_value AS NUMERIC) AS dollar_value\n",
            "@last_partition\n)": "@last_partition AND MOD(customer_id, 10) = 0 -- a tenth, so that the story is short\n)",
        },
        "model.toml": {"spans = 8": "spans = 3", "epochs = 2": "epochs = 8"},
    }
    for file, replacements in edits.items():
        text = (folder / file).read_text()
        for old, new in replacements.items():
            if text.count(old) != 1:
                raise TaskError(f"{file} of churn has no {old!r} any more: correct pipelines/demo_churn.py")
            text = text.replace(old, new)
        (folder / file).write_text(text)


def _say(text: str) -> None:
    click.echo()
    click.secho(textwrap.fill(text, 110, subsequent_indent="   "), bold=True)


def _command(line: str) -> None:
    click.echo(f"\n$ perennial {line}")


class Shop:
    """The demo's services, and the fork server that all its runs share."""

    def __init__(self, settings: Settings, server: ForkServer) -> None:
        self._settings, self._server = settings, server
        self._model: Model = read_model(settings.models_folder, MODEL)
        self._client = bigquery_client(settings)
        self._table = make_table(self._client, settings, self._model, TEXT_SCHEMA)
        self._days: Mapping[date, Rows] = read_cdnow()[1]

    def load(self, first: date, last: date, *, bad: bool) -> None:
        """Load the partitions of these days, with the preparation as it was or as it is."""
        days = {day: [prepared(row, number, bad=bad) for number, row in enumerate(rows)] for day, rows in self._days.items()}
        wanted = {day: rows for day, rows in days.items() if first <= day <= last}
        load_partitions(self._client, self._table, TEXT_SCHEMA, wanted, progress=lambda _done, _of: None)
        click.echo(f"   loaded {len(wanted)} partitions, {sum(map(len, wanted.values())):,} purchases")

    def train(self, through: date, *, expected: RunState = RunState.SUCCEEDED, waive: str | None = None) -> None:
        """Train as `perennial train` does."""
        options = f' --waive-gate --reason "{waive}"' if waive else ""
        _command(f"train {MODEL} --through {through}{options}")
        request = launch.Request(self._model, through, Trigger.PERSON, waive or "the demo", waive_gate=waive is not None)
        progress = summary.Progress(quiet=False)
        result = launch.train_locally(self._settings, request, self._server, on_start=progress.start, on_end=progress.end)
        code = summary.show(self._settings, result, as_json=False)
        click.echo(f"  (exit code {code})")
        if not _ended(result, expected):
            raise TaskError(f"the run through {through} did not end {expected}: the story cannot go on")

    def compare(self, before: str, after: str) -> None:
        """Compare as `perennial compare` does."""
        _command(f"compare {MODEL} {before} {after}")
        compare_commands.show_versions(self._settings, MODEL, before, after)

    def reproduce(self, number: int) -> None:
        """Train again as `perennial reproduce` does."""
        _command(f"reproduce {MODEL} {number}")
        silent = summary.Progress(quiet=True)
        made = reproduce.reproduce(self._settings, MODEL, number, self._server, on_start=silent.start, on_end=silent.end)
        if reproduction_summary.show(made, as_json=False):
            raise TaskError(f"version {number} was not reproduced: see above")


def _ended(result: AlreadyTrained | LocalResult, expected: RunState) -> bool:
    return isinstance(result, LocalResult) and result.run.state == expected


def prepared(row: Mapping[str, object], number: int, *, bad: bool) -> dict[str, object]:
    """A purchase as the preparation writes it: the amount as text, and when it is bad, some with a currency."""
    amount = f"{row['dollar_value']:.2f}"
    return {**row, "dollar_value": f"{amount} USD" if bad and number % CURRENCIES == 0 else amount}


if __name__ == "__main__":
    main()
