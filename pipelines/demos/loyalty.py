"""The story of the beginners, told with real runs: a classifier calls everybody a newcomer, and no older version is any better.

`make demo-loyalty` runs it. Like the story of churn it starts from scratch each time.
"""

from collections.abc import Mapping
from datetime import date

from components.google import storage_client
from components.runs.record import RunState
from components.settings import Settings
from pipelines.cli.exit_code import ExitCode
from pipelines.demos.story import Shop, play, run, say
from pipelines.local.seed import SCHEMA
from pipelines.run.local import ForkServer

MODEL = "loyalty"
EDITS: Mapping[str, Mapping[str, str]] = {
    "source.sql": {"@last_partition\n)": "@last_partition AND MOD(customer_id, 2) = 0 -- half of them, so that the story is short\n)"},
    "model.toml": {"spans = 8": "spans = 3", "at_least = 0.78": "at_least = 0.75"},
}
FIRST, SECOND, NEWEST = date(1998, 3, 31), date(1998, 4, 30), date(1998, 5, 31)


def main() -> None:
    """Tell the story from scratch."""
    play("demo-loyalty", MODEL, EDITS, _tell)


def _tell(settings: Settings, server: ForkServer) -> None:
    """Tell the story with services that are ready."""
    shop = Shop(settings, server, MODEL, SCHEMA)
    _serve_two_versions(shop)
    say("2. In May the shop loads its table anew from another system. That one does not know how many CDs were in a purchase.")
    shop.load(date.min, NEWEST, _reloaded)
    say("   Every customer is called a newcomer. Whoever is on call rolls back:")
    run("rollback", MODEL, "--target", "prod", "--reason", "every customer is called a newcomer")
    say("   It does not help. Why?")
    run("compare", MODEL, "1", "2")
    say("3. Training again would not help either, and does not happen:")
    shop.train(NEWEST, expected=RunState.BLOCKED)
    say("4. The source is mended. The newer version may serve again:")
    shop.load(date.min, NEWEST, _as_sold)
    run("compare", MODEL, "1", "2")
    run("deploy", MODEL, "2", "--target", "prod", "--reason", "the source is mended: number_of_cds is back")
    run("history", MODEL, "--target", "prod")
    _break_and_restore(settings)


def _serve_two_versions(shop: Shop) -> None:
    say("1. A shop's loyalty scheme gives a point for every CD. A model of the level that a customer will be at is trained every month.")
    shop.load(date.min, NEWEST, _as_sold)
    shop.train(FIRST)
    run("deploy", MODEL, "1", "--target", "prod", "--reason", "the first version")
    shop.train(SECOND)
    run("deploy", MODEL, "2", "--target", "prod", "--reason", "a month newer")


def _break_and_restore(settings: Settings) -> None:
    say("5. What is served is what was pushed, byte by byte:")
    run("verify", MODEL)
    say("   Somebody changes one byte of it by hand:")
    _change_a_byte(settings)
    run("verify", MODEL, expected=ExitCode.DIFFERS)
    run("restore", MODEL, "2")
    run("verify", MODEL)


def _as_sold(_number: int, row: dict[str, object]) -> dict[str, object]:
    """A purchase as it was sold."""
    return row


def _reloaded(_number: int, row: dict[str, object]) -> dict[str, object]:
    """A purchase after the table was loaded from the system that does not record CDs."""
    return {**row, "number_of_cds": None}


def _change_a_byte(settings: Settings) -> None:
    """Change one byte of the served copy of version 2."""
    blob = storage_client(settings).bucket(settings.bucket).blob(f"models/{MODEL}/2/saved_model.pb")
    content = bytearray(blob.download_as_bytes())
    content[len(content) // 2] ^= 1
    blob.upload_from_string(bytes(content))


if __name__ == "__main__":
    main()
