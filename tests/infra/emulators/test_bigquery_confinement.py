"""What BigQuery's emulator lets nobody reach: files, DuckDB's own functions and settings, the catalogue, other folders."""

import uuid
from collections.abc import Iterator

import grpc
import pytest
from google.api_core.exceptions import BadRequest, Forbidden, InvalidArgument, MethodNotImplemented, Unauthenticated
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from tests.infra.emulators.bigquery_process import PROJECT, BigQueryProcess, Dataset, rows_of
from tests.infra.emulators.test_bigquery_reads import read, session

METHODS = (
    "BigQueryRead/CreateReadSession",
    "BigQueryRead/ReadRows",
    "BigQueryRead/SplitReadStream",
    "BigQueryWrite/CreateWriteStream",
    "BigQueryWrite/AppendRows",
    "BigQueryWrite/GetWriteStream",
    "BigQueryWrite/FinalizeWriteStream",
    "BigQueryWrite/BatchCommitWriteStreams",
    "BigQueryWrite/FlushRows",
    "BigQueryRead/NoSuchMethod",
)


@pytest.fixture(scope="module")
def days(bigquery_client: bigquery.Client) -> bigquery.TableReference:
    """Two days with 10 and 20 rows, which all tests here only read."""
    dataset = Dataset(bigquery_client, f"dataset_{uuid.uuid4().hex}")
    bigquery_client.create_dataset(dataset.name)
    dataset.make("t")
    dataset.load("t", [*rows_of("2026-01-01", 10), *rows_of("2026-01-02", 20)])
    return bigquery.TableReference.from_string(dataset.table("t"))


@pytest.mark.parametrize(
    ("restriction", "rows"),
    [
        ("day = '2026-01-02' AND id >= 18", 2),
        ("date(day) = DATE '2026-01-01' -- the first", 10),
        ("STARTS_WITH(note, 'n1') AND NOT (id IN (1, 10))", 9),
        ("id BETWEEN 1 AND 2", 4),
        ("(note IS NULL) OR FARM_FINGERPRINT(note) = FARM_FINGERPRINT('n3')", 2),
        ("`t`.`id` = 19 /* FROM */", 1),
        ("note = 'SELECT 1; DROP TABLE t'", 0),
        ("CASE WHEN id = 1 THEN TRUE ELSE FALSE END", 2),
        ("TRUE", 30),
    ],
)
def test_a_row_restriction_is_a_condition(
    read_client: BigQueryReadClient, days: bigquery.TableReference, restriction: str, rows: int
) -> None:
    opened = session(read_client, days, row_restriction=restriction)

    assert sum(message.row_count for stream in opened.streams for message in read_client.read_rows(stream.name)) == rows


@pytest.mark.parametrize(
    "restriction",
    [
        "id = 1; DROP TABLE t",
        "id = 1) OR (TRUE",
        "TRUE FROM t",
        "id = 1 UNION ALL SELECT * FROM t",
        "id IN (SELECT 1)",
        "EXISTS(SELECT 1)",
        "(SELECT TRUE)",
        "id = (SELECT max(id) FROM t)",
        "id IN (SELECT size FROM read_text('/etc/passwd'))",
        "read_text('/etc/passwd') = 'x'",
        "read_csv('/etc/passwd') = 'x'",
        "getvariable('x') = 'x'",
        "current_setting('threads') = '1'",
        "query('SELECT 1')",
        "some_dataset.routine(id)",
        "_fraction(id) = 1",
        "SUM(id) > 1",
        "ROW_NUMBER() OVER () = 1",
        "id = @parameter",
        "id = ?",
        "*",
        "id",
        "id + 1",
        "1",
        "'text'",
        "'open",
        "\0",
    ],
)
def test_a_row_restriction_is_nothing_else(read_client: BigQueryReadClient, days: bigquery.TableReference, restriction: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        session(read_client, days, row_restriction=restriction)

    label = f"{days.project}:{days.dataset_id}.{days.table_id}"
    assert caught.value.message == f"request failed: Row filter for table {label} is invalid. Filter is '{restriction}'"


def test_a_row_restriction_is_not_endless(read_client: BigQueryReadClient, days: bigquery.TableReference) -> None:
    with pytest.raises(InvalidArgument, match="exceeded maximum allowed length. Maximum bytes allowed: 1048576"):
        session(read_client, days, row_restriction=f"note = '{'x' * 2**20}'")


@pytest.mark.parametrize("name", ["nothing", "*", "id FROM t; --", 'id" FROM "t'])
def test_a_selected_field_is_a_column(read_client: BigQueryReadClient, days: bigquery.TableReference, name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        session(read_client, days, selected_fields=["id", name])

    assert caught.value.message == f"request failed: The following selected fields do not exist in the table schema: {name}"


def test_a_part_of_a_column_is_refused_instead_of_forgotten(read_client: BigQueryReadClient, days: bigquery.TableReference) -> None:
    with pytest.raises(MethodNotImplemented, match=r"Selecting a part of a column \(id.x\)"):
        session(read_client, days, selected_fields=["id.x"])


def test_selected_fields_are_found_in_any_case(read_client: BigQueryReadClient, days: bigquery.TableReference) -> None:
    assert read(read_client, session(read_client, days, selected_fields=["NOTE", "id"])).column_names == ["id", "note"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM read_text('/etc/passwd')", "Table-valued function not found: read_text at [1:15]"),
        ("SELECT * FROM read_blob('emulator.duckdb')", "Table-valued function not found: read_blob at [1:15]"),
        ("SELECT * FROM query('SELECT 1')", "Table-valued function not found: query at [1:15]"),
        ("SELECT * FROM duckdb_settings()", "Table-valued function not found: duckdb_settings at [1:15]"),
        ("SELECT (SELECT content FROM read_text('/etc/passwd'))", "Table-valued function not found: read_text at [1:29]"),
        ("SELECT * FROM EXTERNAL_QUERY('us.default', 'SELECT 1')", "Table-valued function not found: EXTERNAL_QUERY at [1:15]"),
        ("SELECT * FROM `/etc/passwd`", 'Table "/etc/passwd" must be qualified with a dataset (e.g. dataset.table).'),
        ("COPY (SELECT 1) TO 'emulator.duckdb'", "Syntax error: Unexpected keyword COPY at [1:1]"),
        ("PRAGMA database_list", 'Syntax error: Unexpected identifier "PRAGMA" at [1:1]'),
        ("LOAD httpfs", 'Syntax error: Expected keyword DATA but got identifier "httpfs" at [1:6]'),
        ("DETACH emulator", 'Syntax error: Unexpected identifier "DETACH" at [1:1]'),
        ("USE emulator", 'Syntax error: Unexpected identifier "USE" at [1:1]'),
        ("CREATE SCHEMA `x' (READ_ONLY); --`.d", "Invalid project ID: x' (READ_ONLY); --"),
        ("CREATE SCHEMA `../x`.d", "Invalid project ID: ../x"),
    ],
)
def test_sql_reaches_no_file_and_nothing_of_the_engine(bigquery_client: bigquery.Client, sql: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        bigquery_client.query_and_wait(sql)

    assert caught.value.errors[0]["message"] == message


@pytest.mark.parametrize("table", ["emulator.main.jobs", "emulator.emulator.jobs", f"`__ducklake_metadata_{PROJECT}`.main.ducklake_table"])
def test_the_catalogue_is_nobodys_table(bigquery_client: bigquery.Client, table: str) -> None:
    for sql in (f"SELECT * FROM {table}", f"DELETE FROM {table} WHERE TRUE"):
        with pytest.raises(Forbidden, match="User does not have permission to query table"):
            bigquery_client.query_and_wait(sql)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProcess]:
    """An emulator that asks for tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    with BigQueryProcess(folder, options=["--token-key", str(folder / "token.key")]).running() as process:
        yield process


@pytest.mark.parametrize("authorization", [None, "Basic abc", "Bearer nonsense"])
@pytest.mark.parametrize("method", METHODS)
def test_every_call_over_grpc_needs_a_token(guarded: BigQueryProcess, method: str, authorization: str | None) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{guarded.grpc_port}") as channel:
        call = channel.stream_stream(f"/google.cloud.bigquery.storage.v1.{method}")
        metadata = [("authorization", authorization)] if authorization else None

        with pytest.raises(grpc.RpcError) as caught:
            list(call(iter([b""]), metadata=metadata, timeout=30))

    expected = (
        "Request had invalid authentication credentials." if authorization else "Request is missing required authentication credential."
    )
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert caught.value.details().startswith(expected)


def test_a_writer_without_token_is_told_at_once(guarded: BigQueryProcess) -> None:
    client = BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=grpc.insecure_channel(f"127.0.0.1:{guarded.grpc_port}")))
    with pytest.raises(Unauthenticated, match="Request is missing required authentication credential"):
        client.create_write_stream(parent=f"projects/{PROJECT}/datasets/d/tables/t", write_stream=types.WriteStream())


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "/etc/passwd", "emulator.duckdb"])
def test_a_load_reads_objects_and_no_files(dataset: Dataset, uri: str) -> None:
    config = bigquery.LoadJobConfig(source_format="CSV", autodetect=True)

    with pytest.raises(BadRequest, match=f"Invalid URI {uri}: only gs://BUCKET/OBJECT is supported"):
        dataset.client.load_table_from_uri(uri, dataset.table("stolen"), job_config=config).result()
