"""A small model of a small table, both made in a moment: visits of a web site, and who comes back the next day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from components.cloud import Cloud
from components.examples.read import read_examples
from components.examples.span_cache import SplitCount
from components.model.folder import Model, read_model
from components.settings import Settings
from components.snapshot.document import Snapshot
from components.snapshot.pin import pin

FIRST = date(2026, 3, 1)
DAYS = 6
VISITORS = 20
COLUMNS = (
    bigquery.SchemaField("day", "DATE"),
    bigquery.SchemaField("visitor", "INTEGER"),
    bigquery.SchemaField("pages", "INTEGER"),
    bigquery.SchemaField("seconds", "FLOAT"),
    bigquery.SchemaField("device", "STRING"),
    bigquery.SchemaField("returned", "INTEGER"),
)
SQL = "SELECT day AS as_of, visitor, pages, seconds, device, returned FROM {source} WHERE day IN UNNEST(@spans)"
TOML = """
title = "Will the visitor come back tomorrow?"
owner = "site"
task = "binary_classification"

[source]
table = "TABLE"
partition_field = "day"
history_days = 2

[rows]
key = "visitor"
label = "returned"
label_delay_days = 1
span = "as_of"

[window]
spans = 2
every_days = 1

[split]
train = 3
eval = 1
newest_spans = 0

[training]
epochs = 1
batch_size = 32
learning_rate = 0.01
seed = 1

[evaluation]
slices = [["device"]]

[[evaluation.thresholds]]
metric = "auc"
at_least = 0.6

[serving]
latency_milliseconds = 50
"""
SCHEMA = """
feature { name: "pages" type: INT presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "seconds" type: FLOAT presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "device" type: BYTES domain: "device" presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "returned" type: INT int_domain { min: 0 max: 1 } presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } } }
string_domain { name: "device" value: "phone" value: "desk" }
"""
Row = Mapping[str, object]


def day(number: int) -> date:
    """The partition of that number, from 1."""
    return FIRST + timedelta(days=number - 1)


def visits(number: int) -> list[Row]:
    """The rows of a day."""
    return [
        {
            "day": day(number).isoformat(),
            "visitor": visitor,
            "pages": visitor % 5 + number,
            "seconds": visitor / 7 + number,
            "device": "phone" if visitor % 3 else "desk",
            "returned": (visitor + number) % 2,
        }
        for visitor in range(1, VISITORS + 1)
    ]


def write_model(
    models_folder: Path,
    *,
    table: str = "site.visits",
    name: str = "visits",
    sql: str = SQL,
    schema: str = SCHEMA,
    toml: Mapping[str, str] | None = None,
) -> Path:
    """Write the model's folder, with texts of its model.toml replaced, and return it."""
    folder = models_folder / name
    folder.mkdir(parents=True, exist_ok=True)
    text = TOML.replace("TABLE", table)
    for old, new in (toml or {}).items():
        assert text.count(old) == 1, f"{old!r} is not in model.toml once"
        text = text.replace(old, new)
    (folder / "model.toml").write_text(text)
    (folder / "source.sql").write_text(sql)
    (folder / "schema.pbtxt").write_text(schema)
    (folder / "features.py").write_text("def preprocessing_fn(inputs):\n    return inputs\n")
    (folder / "network.py").write_text("def build(features, learning_rate):\n    return None\n")
    return folder


@dataclass(frozen=True)
class Site:
    """The table in a data set of its own, and the clients that read it."""

    settings: Settings
    client: bigquery.Client
    reader: BigQueryReadClient
    table: str
    """dataset.table"""

    @property
    def cloud(self) -> Cloud:
        """The services, of which BigQuery's clients are shared by all sites."""
        cloud = Cloud(self.settings)
        vars(cloud).update(warehouse=self.client, reader=self.reader)
        return cloud

    @property
    def name(self) -> str:
        """project.dataset.table"""
        return f"{self.settings.project}.{self.table}"

    def create(self, *, partitioning: bigquery.TimePartitioning | None, schema: Sequence[bigquery.SchemaField] = COLUMNS) -> None:
        """Make the table, empty."""
        self.client.create_dataset(self.name.rpartition(".")[0], exists_ok=True)
        table = bigquery.Table(self.name, schema)
        table.time_partitioning = partitioning
        self.client.create_table(table)

    def load(self, rows: Sequence[Row], partition: date | None = None) -> None:
        """Replace a partition by these rows, or append them to the table."""
        disposition = "WRITE_TRUNCATE" if partition else "WRITE_APPEND"
        config = bigquery.LoadJobConfig(schema=COLUMNS, write_disposition=disposition)
        destination = f"{self.name}${partition:%Y%m%d}" if partition else self.name
        self.client.load_table_from_json(rows, destination, job_config=config).result()

    def model(self, **changes: object) -> Model:
        """The model of this table; `changes` as `write_model` takes them."""
        folder = write_model(self.settings.models_folder, **{"table": self.table, **changes})  # type: ignore[arg-type]
        return read_model(folder.parent, folder.name)

    def pin(self, model: Model, through: int = DAYS) -> Snapshot:
        """Pin the window that ends with the partition of that number."""
        return pin(self.cloud, model, day(through))

    def read(self, model: Model, folder: Path, through: int = DAYS) -> tuple[SplitCount, ...]:
        """Pin, and read the examples."""
        return read_examples(self.cloud, model, self.pin(model, through), folder)


def query(site: Site, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """The rows that BigQuery gives."""
    job = site.client.query(sql, bigquery.QueryJobConfig(query_parameters=list(parameters)))
    return [tuple(row) for row in job.result()]
