"""What DuckDB is known to do as BigQuery does, by a table of expressions with BigQuery's results that a test holds the emulator to.

python -m bigquery.sql.proven < tests/infra/emulators/expressions.txt > infra/emulators/bigquery/sql/proven.txt
"""

import sys
from importlib.resources import files

from google.protobuf.message import Message

from bigquery.failures import not_supported
from bigquery.sql.resolved import traits

ARROW = " → "
"""Between an expression and its result."""
PROVEN = frozenset((files("bigquery.sql") / "proven.txt").read_text().splitlines())
TABLES = frozenset({"TableScan"})
"""What every query of a table has, and no expression."""


def refuse_unproven(statement: Message) -> None:
    """Refuse a query that has something of which nobody knows whether DuckDB does it as BigQuery does.

    Raises:
        BigQueryError: names it.
    """
    unproven = sorted(traits(statement) - PROVEN - TABLES)
    if unproven:
        raise not_supported(f"{', '.join(unproven)}: whether it gives what BigQuery gives was never tried")


def main() -> None:
    """Write what the expressions on standard input are made of."""
    from bigquery.sql.analysis import resolve

    found: set[str] = set()
    for line in sys.stdin:
        if not line.startswith("#"):
            found |= traits(resolve(f"SELECT {line.rstrip(chr(10)).rpartition(ARROW)[0]}"))
    sys.stdout.write("\n".join(sorted(found)) + "\n")


if __name__ == "__main__":
    main()
