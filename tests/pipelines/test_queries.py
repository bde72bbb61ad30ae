"""Every query that the product sends is one that BigQuery accepts, as its own analyzer judges it, with parameters of their types."""

import ast
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from google.cloud import bigquery

from components.challenger.losses import losses_query
from components.cloud import Cloud
from components.decisions import sizes
from components.google import bigquery_client, quoted, split_table
from components.labels.log_query import LogQuery
from components.model.folder import Model, model_names, read_model
from components.prediction_log.table import LogTable, ensure_table, refused_log
from components.settings import REPOSITORY, Settings
from components.snapshot.partitions import PartitionRange
from components.snapshot.query import dry_run, rows_parameters, rows_query
from components.snapshot.source import count_undated
from components.snapshot.window import Window
from components.training.signatures import Column
from pipelines.demos import churn as demo_churn
from pipelines.demos import loyalty as demo_loyalty
from pipelines.demos.story import _copy_model
from pipelines.local.flights import FLIGHTS_SCHEMA
from pipelines.local.seed import SCHEMA, SQL

MODELS = REPOSITORY / "pipelines" / "models"
DAYS = (date(2026, 1, 1), date(2026, 1, 4))
QUERIES_OF_LOG = [
    REPOSITORY / "components" / "monitoring" / f"{name}.sql" for name in ("logged_days", "fingerprints", "served_rows", "refused_requests")
]
SAMPLE_OF_LOG = REPOSITORY / "components" / "succession" / "served_sample.sql"
WINDOW = Window((DAYS[1],), *DAYS)
SENT = {
    "components/decisions/sizes.py": 1,  # partition_sizes.sql
    "components/examples/live.py": 1,  # rows_query
    "components/examples/rows.py": 1,  # rows_query
    "components/labels/log_query.py": 1,  # those of monitoring and of challengers
    "components/monitoring/served_rows.py": 1,  # served_rows.sql
    "components/succession/served_sample.py": 1,  # served_sample.sql
    "components/serving/explanation.py": 1,  # a logged request, which tests/components/serving/test_server.py reads
    "components/scoring/prediction.py": 1,  # a query of the user's own
    "components/snapshot/partitions.py": 3,  # CURRENT_TIMESTAMP and partitions.sql, which a dry run asks for, too
    "components/snapshot/query.py": 1,  # source.sql alone
    "components/snapshot/source.py": 3,  # undated.sql, days.sql and its dry run: test_partition_types.py, test_views.py
    "components/snapshot/views/behind.py": 1,  # which tables are behind a view: tests/components/snapshot/test_views.py
    "components/snapshot/views/copy.py": 1,  # copy.sql: the same
    "components/snapshot/views/rows.py": 1,  # rows of a view: the same
    "pipelines/local/doctor.py": 1,  # SELECT 1
    "pipelines/local/seed.py": 1,  # partition_rows.sql
    "pipelines/scaffold/table.py": 1,  # rows of the newest days, which the tests of the scaffold run
}
"""Where queries are sent from, and how many: what is new here needs a test below."""


@pytest.fixture(scope="module")
def purchases(cloud: Settings) -> Iterator[tuple[Settings, bigquery.Client, str]]:
    """An empty table of purchases; beside it one of flights, `departures`."""
    client = bigquery_client(cloud)
    name = f"{cloud.project}.queries_{uuid4().hex[:8]}.purchases"
    client.create_dataset(name.rpartition(".")[0])
    table = bigquery.Table(name, SCHEMA)
    table.time_partitioning = bigquery.TimePartitioning(field="purchase_date")
    client.create_table(table)
    flights = bigquery.Table(f"{name.rpartition('.')[0]}.departures", FLIGHTS_SCHEMA)
    flights.time_partitioning = bigquery.TimePartitioning(field="flight_date")
    client.create_table(flights)
    yield cloud, client, name
    client.close()


def analyse(client: bigquery.Client, sql: str, parameters: list[bigquery.ArrayQueryParameter | bigquery.ScalarQueryParameter]) -> str:
    job = client.query(sql, bigquery.QueryJobConfig(query_parameters=parameters, dry_run=True))
    return str(job.statement_type)


def test_no_other_place_sends_queries() -> None:
    found: Counter[str] = Counter()
    for folder in ("components", "pipelines"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            sent = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in ("query", "query_and_wait")]
            found.update({str(path.relative_to(REPOSITORY)): len(sent)} if sent else {})
    assert dict(found) == SENT


def _models(tmp_path: Path) -> Iterator[Model]:
    """Those that come with Perennial, as they are and as the demos change them."""
    for name in model_names(MODELS):
        yield read_model(MODELS, name)
    for name, edits in (("churn", demo_churn.EDITS), ("loyalty", demo_loyalty.EDITS)):
        _copy_model(tmp_path, name, edits)
        yield read_model(tmp_path, name)


def test_both_queries_of_every_model_are_accepted(purchases: tuple[Settings, bigquery.Client, str], tmp_path: Path) -> None:
    settings, client, name = purchases
    models = list(_models(tmp_path))
    assert len(models) >= 5
    for model in models:
        table = f"{name.rpartition('.')[0]}.{model.source.table.rpartition('.')[2]}"
        assert dry_run(Cloud(settings), model, table=table, window=WINDOW).statement_type == "SELECT"
        assert analyse(client, rows_query(model, table), list(rows_parameters(WINDOW))) == "SELECT"


@pytest.mark.parametrize("without", [(), ("number_of_cds", "dollar_value")])
def test_the_queries_of_partitions_are_accepted(purchases: tuple[Settings, bigquery.Client, str], without: tuple[str, ...]) -> None:
    _, client, table = purchases
    wanted = PartitionRange(table, "purchase_date", *DAYS, tuple(column.name for column in SCHEMA), without)
    (now,) = next(iter(client.query_and_wait("SELECT CURRENT_TIMESTAMP()")))
    parameters: list[bigquery.ArrayQueryParameter | bigquery.ScalarQueryParameter] = [
        bigquery.ScalarQueryParameter("as_of", "TIMESTAMP", now),
        bigquery.ScalarQueryParameter("first_partition", "DATE", DAYS[0]),
        bigquery.ScalarQueryParameter("last_partition", "DATE", DAYS[1]),
    ]
    assert analyse(client, wanted.query, parameters) == "SELECT"


@pytest.mark.parametrize("has_label_query", [True, False])
def test_the_queries_of_monitoring_are_accepted_for_every_model(
    purchases: tuple[Settings, bigquery.Client, str], has_label_query: bool, tmp_path: Path
) -> None:
    settings, client, name = purchases
    dataset = name.rpartition(".")[0].rpartition(".")[2]
    for known in map(partial(read_model, MODELS), model_names(MODELS)):
        folder = shutil.copytree(known.folder, tmp_path / known.name)
        if not has_label_query:
            (folder / "label.sql").unlink()
        source = known.source.model_copy(update={"table": f"{dataset}.{known.source.table.rpartition('.')[2]}"})
        serving = known.serving.model_copy(update={"log": f"{dataset}.log_of_{known.name}", "log_partition_field": "event_date"})
        model = read_model(tmp_path, known.name).model_copy(update={"source": source, "serving": serving})
        assert model.has_label_query is has_label_query
        table = f"{settings.project}.{serving.log}"
        log = LogTable(table, "event_date", target="t", model=model.name, environment="e", columns=(Column("day", "int64"),))
        ensure_table(client, log)
        ensure_table(client, refused_log(log))
        query = LogQuery(Cloud(settings), model, "t", DAYS[1])
        sampled = [bigquery.ScalarQueryParameter(name, "INT64", number) for name, number in (("version", 1), ("most_rows", 2))]
        for file in (*QUERIES_OF_LOG, SAMPLE_OF_LOG):
            parameters = [*query.settings(DAYS, DAYS).query_parameters, *(sampled if file == SAMPLE_OF_LOG else ())]
            assert analyse(client, query.text(file), parameters) == "SELECT"
            if "{known_labels}" in file.read_text():
                kind = "FLOAT64" if model.task.is_regression else "INT64"
                assert f" AS {kind}), NULL) AS label\n" in query.text(file)
        for apart in (False, True):
            asked = [bigquery.ScalarQueryParameter(name, "INT64", number) for name, number in (("live", 1), ("challenger", 2))]
            wrong = bigquery.ScalarQueryParameter("whole_error", "FLOAT64", 1.0)
            parameters = [*query.settings(DAYS, DAYS).query_parameters, *asked, wrong]
            assert analyse(client, losses_query(query, apart=apart), parameters) == "SELECT"


def test_the_query_of_undated_rows_is_accepted(purchases: tuple[Settings, bigquery.Client, str]) -> None:
    settings, client, table = purchases
    assert count_undated(Cloud(settings), client.get_table(table), "purchase_date") == 0


def test_the_query_of_a_seed_is_accepted(purchases: tuple[Settings, bigquery.Client, str]) -> None:
    _, client, table = purchases
    project, dataset, name = split_table(table)
    sql = SQL.format(dataset=f"`{project}`.`{dataset}`")
    assert analyse(client, sql, [bigquery.ScalarQueryParameter("table", "STRING", name)]) == "SELECT"


def test_the_query_of_the_sizes_of_partitions_is_accepted(purchases: tuple[Settings, bigquery.Client, str]) -> None:
    _, client, table = purchases
    assert analyse(client, sizes._query(table), [bigquery.ScalarQueryParameter("table", "STRING", split_table(table)[2])]) == "SELECT"


@pytest.mark.parametrize(
    ("table", "written"),
    [
        ("shop.retail.purchases", "`shop`.`retail`.`purchases`"),
        ("example.com:shop.retail.achats d'été-2", "`example.com:shop`.`retail`.`achats d'été-2`"),
    ],
)
def test_a_table_is_quoted_name_by_name(table: str, written: str) -> None:
    assert quoted(table) == written
