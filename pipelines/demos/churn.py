"""The story of churn, told with real runs: what happens when data preparation begins to write text. `make demo-churn` runs it.

It has emulators, data and models of its own in the state folder that the Makefile names, and starts from scratch each time.
"""

from datetime import date

from google.cloud import bigquery

from components.runs.record import RunState
from components.settings import Settings
from pipelines.demos.story import Shop, play, run, say
from pipelines.local.seed import SCHEMA
from pipelines.run.local import ForkServer

MODEL = "churn"
TEXT_SCHEMA = [bigquery.SchemaField(f.name, "STRING" if f.name == "dollar_value" else f.field_type, f.mode) for f in SCHEMA]
EDITS = {
    "source.sql": {
        "number_of_cds, dollar_value\n": "number_of_cds, SAFE_CAST(dollar_value AS NUMERIC) AS dollar_value\n",
        "DAY) AND spans.as_of\n": "DAY) AND spans.as_of AND dollar_value > 0 -- what costs nothing is no purchase\n",
        "@last_partition\n)": "@last_partition AND MOD(customer_id, 10) = 0 -- a tenth, so that the story is short\n)",
    },
    "model.toml": {
        "spans = 8": "spans = 3",
        "epochs = 2": "epochs = 8",
        "at_least = 0.75": "at_least = 0.6",
        "at_least = 0.60": "at_least = 0.4",
        "at_least = 0.9\nat_most = 1.1": "at_least = 0.7\nat_most = 1.3",
    },
}
"""Amounts are text in the source of this shop, a purchase is what costs something, there are fewer customers, and less is asked of a
version alone, so that the bad one is held against the good one."""
FIRST_BAD = date(1997, 7, 1)
"""Of purchases that are without an amount for some weeks the rest of a customer's history still tells enough."""
LAST_GOOD, FIRST_BLOCKED, LATER = date(1997, 11, 30), date(1997, 12, 7), date(1998, 1, 18)


def main() -> None:
    """Tell the story from scratch."""
    play("demo-churn", MODEL, EDITS, _tell)


def _tell(settings: Settings, server: ForkServer) -> None:
    """Tell the story with services that are ready."""
    shop = Shop(settings, server, MODEL, TEXT_SCHEMA)
    say("1. A shop's purchases land in BigQuery day by day. A model of who will buy nothing in the next 30 days is trained every week.")
    shop.load(date.min, LAST_GOOD, _good)
    shop.train(LAST_GOOD)
    say(
        "2. On 1 December the data preparation changes: amounts now carry their currency, as in 11.77 USD. The partitions since July are "
        "written again in the same way. The next weekly run:"
    )
    shop.load(FIRST_BAD, LATER, _bad)
    shop.train(FIRST_BLOCKED, expected=RunState.BLOCKED)
    say(
        "3. What would have happened without this gate? source.sql casts with SAFE_CAST, so that text silently becomes NULL, and a "
        "purchase without an amount is none. The gate after training holds version 2 against version 1 on the same rows:"
    )
    shop.train(LATER, expected=RunState.BLOCKED, waive="to see what would have happened")
    say("   Why is version 2 worse than version 1?")
    run("compare", MODEL, "1", "2")
    say("4. The preparation is mended, and the partitions are loaded again. The next run passes the gate:")
    shop.load(FIRST_BAD, LATER, _good)
    shop.train(LATER)
    say("5. Every version can be made again from its pinned snapshot, to the bit: the bad one too, whose rows the table no longer has.")
    for number in range(1, 4):
        shop.reproduce(number)


def _good(_number: int, row: dict[str, object]) -> dict[str, object]:
    """A purchase as the preparation writes it: the amount as text."""
    return {**row, "dollar_value": f"{row['dollar_value']:.2f}"}


def _bad(number: int, row: dict[str, object]) -> dict[str, object]:
    """A purchase as the changed preparation writes it: the amount has a currency."""
    written = _good(number, row)
    return {**written, "dollar_value": f"{written['dollar_value']} USD"}


if __name__ == "__main__":
    main()
