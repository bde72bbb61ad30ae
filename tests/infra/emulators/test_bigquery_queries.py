"""Queries of the BigQuery emulator: the SQL that Perennial uses, parameters, costs, errors."""

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, InternalServerError, NotFound
from google.cloud import bigquery
from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter, SchemaField, StructQueryParameter

from tests.infra.emulators.bigquery_process import Dataset, rows_of

DAY = ScalarQueryParameter("day", "DATE", dt.date(2026, 1, 31))
TEXT = "it's 'quoted' \"twice\", \\n is no line,\nthis is one; $day -- ü"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("DATE_DIFF(@day, '2026-01-01', DAY), DATE_DIFF(@day, '2025-12-01', MONTH)", (30, 1)),
        ("DATE_ADD(@day, INTERVAL 1 MONTH), DATE_SUB(@day, INTERVAL 30 DAY)", (dt.date(2026, 2, 28), dt.date(2026, 1, 1))),
        ("FORMAT_DATE('%Y%m%d', @day), PARSE_DATE('%Y%m%d', '20260131') = @day", ("20260131", True)),
        ("EXTRACT(DAYOFWEEK FROM @day), EXTRACT(MONTH FROM @day)", (7, 1)),
        ("DATE_TRUNC(@day, MONTH), DATE_TRUNC(@day, WEEK(MONDAY))", (dt.date(2026, 1, 1), dt.date(2026, 1, 26))),
        ("SAFE_DIVIDE(1, 0), SAFE_DIVIDE(1, 4), IFNULL(NULL, 2), IF(@day > '2026-01-01', 'after', 'before')", (None, 0.25, 2, "after")),
        ("SAFE_CAST('12,5' AS FLOAT64), SAFE_CAST('12.5' AS FLOAT64), CAST(7 AS STRING)", (None, 12.5, "7")),
        ("MOD(ABS(FARM_FINGERPRINT('a')), 10) BETWEEN 0 AND 9, TO_HEX(MD5('a'))", (True, "0cc175b9c0f1b6a831c399e269772661")),
        ("REGEXP_CONTAINS('12,5', r'^[0-9.]+$'), GREATEST(1, 3, 2), ROUND(2.345, 2)", (False, 3, 2.35)),
        ("CASE WHEN @day IS NULL THEN 0 ELSE 1 END, COALESCE(NULL, 'x'), NULLIF(1, 1)", (1, "x", None)),
        (
            "TIMESTAMP_DIFF(TIMESTAMP '2026-01-02', TIMESTAMP '2026-01-01', HOUR), EXTRACT(HOUR FROM TIMESTAMP '2026-01-01 05:06:07')",
            (24, 5),
        ),
    ],
)
def test_a_scalar_function_gives_bigquerys_value(dataset: Dataset, sql: str, expected: tuple[Any, ...]) -> None:
    assert dataset.query(f"SELECT {sql}", [DAY]) == [expected]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT COUNTIF(x > 2), COUNT(DISTINCT x), SUM(x), AVG(x) FROM UNNEST([1, 2, 3, 3]) AS x", [(2, 3, 9, 2.25)]),
        ("SELECT APPROX_QUANTILES(x, 4) FROM UNNEST(GENERATE_ARRAY(1, 101)) AS x", [([1, 26, 51, 76, 101],)]),
        ("SELECT BIT_XOR(x), LOGICAL_OR(x = 2), MIN(x), MAX(x) FROM UNNEST([1, 2, 3]) AS x", [(0, True, 1, 3)]),
        (
            "SELECT ARRAY_AGG(x ORDER BY x DESC LIMIT 2), STRING_AGG(CAST(x AS STRING), '-' ORDER BY x) FROM UNNEST([2, 1, 3]) AS x",
            [([3, 2], "1-2-3")],
        ),
        (
            "SELECT d FROM UNNEST(GENERATE_DATE_ARRAY('2026-01-01', '2026-01-15', INTERVAL 7 DAY)) AS d ORDER BY d",
            [(dt.date(2026, 1, day),) for day in (1, 8, 15)],
        ),
        ("SELECT a, b FROM UNNEST([1, 2]) AS a CROSS JOIN UNNEST(['x', 'y']) AS b ORDER BY a, b", [(1, "x"), (1, "y"), (2, "x"), (2, "y")]),
        ("WITH t AS (SELECT 1 AS a UNION ALL SELECT 2) SELECT a, LAG(a) OVER (ORDER BY a) FROM t ORDER BY a", [(1, None), (2, 1)]),
        ("SELECT x FROM UNNEST([1, 1, 2]) AS x WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY x) = 1 ORDER BY x", [(1,), (2,)]),
        (
            "SELECT x, SUM(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM UNNEST([1, 2, 4]) AS x ORDER BY x",
            [(1, 1), (2, 3), (4, 4)],
        ),
        ("SELECT ARRAY(SELECT AS STRUCT x, x * 2 AS y FROM UNNEST([1, 2]) AS x ORDER BY x)", [([{"x": 1, "y": 2}, {"x": 2, "y": 4}],)]),
        ("SELECT ARRAY_AGG(STRUCT(a, b) ORDER BY a DESC LIMIT 1)[OFFSET(0)].b FROM (SELECT 1 AS a, 2 AS b UNION ALL SELECT 3, 4)", [(4,)]),
        ("SELECT * EXCEPT (b) FROM (SELECT 1 AS a, 2 AS b)", [(1,)]),
        ("SELECT SUM(x) FROM UNNEST([9223372036854775807, -1]) AS x", [(9223372036854775806,)]),
    ],
)
def test_a_query_gives_bigquerys_rows(dataset: Dataset, sql: str, expected: list[tuple[Any, ...]]) -> None:
    assert dataset.query(sql) == expected


def test_parameters_of_every_kind_are_given_by_name(dataset: Dataset) -> None:
    moment = dt.datetime(2026, 1, 1, 2, 3, 4, 567890, tzinfo=dt.UTC)
    parameters = [
        DAY,
        ScalarQueryParameter("number", "INT64", 5),
        ScalarQueryParameter("text", "STRING", TEXT),
        ScalarQueryParameter("moment", "TIMESTAMP", moment),
        ScalarQueryParameter("nothing", "STRING", None),
        ArrayQueryParameter("days", "DATE", [dt.date(2026, 1, 1), dt.date(2026, 1, 2)]),
        ArrayQueryParameter("texts", "STRING", [TEXT, ""]),
        ArrayQueryParameter("none", "STRING", []),
        StructQueryParameter("pair", ScalarQueryParameter("a", "FLOAT64", 1.5)),
    ]

    found = dataset.query(
        "SELECT @day, @number, @text, @moment, @nothing, @days[OFFSET(1)], @pair.a, @texts, ARRAY_LENGTH(@none)", parameters
    )

    assert found == [(dt.date(2026, 1, 31), 5, TEXT, moment, None, dt.date(2026, 1, 2), 1.5, [TEXT, ""], 0)]
    assert dataset.query("SELECT ? + ?", [ScalarQueryParameter(None, "INT64", 2), ScalarQueryParameter(None, "INT64", 3)]) == [(5,)]


def test_rows_are_chosen_by_an_array_of_parameters(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 5))

    found = dataset.query(
        "SELECT id FROM {dataset}.t WHERE id IN UNNEST(@ids) ORDER BY id", [ArrayQueryParameter("ids", "INT64", [1, 3, 9])]
    )

    assert found == [(1,), (3,)]


def test_fingerprints_are_those_that_bigquery_documents(dataset: Dataset) -> None:
    known = {"1footrue": -1541654101129638711, "2applefalse": 2794438866806483259, "3true": -4880158226897771312, "": -7286425919675154353}

    found = dataset.query("SELECT x, FARM_FINGERPRINT(x) FROM UNNEST(@texts) AS x", [ArrayQueryParameter("texts", "STRING", list(known))])

    assert dict(found) == known
    assert dataset.query("SELECT FARM_FINGERPRINT(CAST(NULL AS STRING)), FARM_FINGERPRINT(b'3true')") == [(None, known["3true"])]


def test_a_row_as_json_tells_null_from_text_and_number(dataset: Dataset) -> None:
    columns = "1 AS a, '1' AS b, CAST(NULL AS STRING) AS c, '' AS d, 1.5 AS e, TRUE AS f, DATE '2026-01-01' AS g"
    dataset.query(f"CREATE TABLE {{dataset}}.t AS SELECT {columns}")

    ((text,),) = dataset.query("SELECT TO_JSON_STRING(t) FROM {dataset}.t AS t")
    ((part,),) = dataset.query("SELECT TO_JSON_STRING(STRUCT(a, t.b, 2 AS other)) FROM {dataset}.t AS t")

    assert text == '{"a":1,"b":"1","c":null,"d":"","e":1.5,"f":true,"g":"2026-01-01"}'
    assert json.loads(part) == {"a": 1, "b": "1", "other": 2}


CHECKSUM = """
SELECT day, COUNT(*), BIT_XOR(FARM_FINGERPRINT(TO_JSON_STRING(t))), SUM(MOD(FARM_FINGERPRINT(TO_JSON_STRING(t)), 1000000007))
FROM {dataset}.t AS t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()
WHERE day BETWEEN '2026-01-01' AND '2026-01-31' GROUP BY 1 ORDER BY 1
"""


def test_a_partitions_checksum_depends_on_its_rows_but_not_on_their_order(dataset: Dataset) -> None:
    dataset.make("t")
    rows = [*rows_of("2026-01-01", 50), *rows_of("2026-01-02", 50)]
    dataset.load("t", rows)
    first = dataset.query(CHECKSUM)

    dataset.load("t", rows[::-1], write_disposition="WRITE_TRUNCATE")
    again = dataset.query(CHECKSUM)
    dataset.query("UPDATE {dataset}.t SET note = '' WHERE day = '2026-01-02' AND id = 7")
    changed = dataset.query(CHECKSUM)

    assert first == again
    assert [count for _, count, *_ in first] == [50, 50]
    assert (first[0] == changed[0], first[1] == changed[1]) == (True, False)


def test_a_dry_run_tells_columns_and_bytes_and_runs_nothing(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", [*rows_of("2026-01-01", 10), *rows_of("2026-01-02", 30), *rows_of("2026-01-03", 10)])

    def cost(sql: str, *parameters: Any) -> Any:
        config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False, query_parameters=parameters)
        job = dataset.client.query(sql.format(table=f"`{dataset.table('t')}`"), config)
        return job.total_bytes_processed

    whole = 50 * (8 + 8 + 8 + 2) + 10 * len("n0") + 10 * len("n0") + 10 * len("n0") + 20 * len("n10")
    day = ScalarQueryParameter("day", "DATE", dt.date(2026, 1, 1))
    assert cost("SELECT * FROM {table}") == whole
    assert cost("SELECT id FROM {table}") == 50 * 8
    assert cost("SELECT id FROM {table} WHERE day = '2026-01-01'") == 10 * 16
    assert cost("SELECT id FROM {table} WHERE day BETWEEN @day AND DATE_ADD(@day, INTERVAL 1 DAY)", day) == 40 * 16
    assert cost("SELECT id FROM {table} AS t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP() WHERE day IN (@day)", day) == 10 * 16
    assert cost("SELECT id FROM {table} WHERE amount > 1") == 50 * 16
    assert cost("SELECT COUNT(*) FROM {table} WHERE day > '2027-01-01'") == 0
    assert cost("SELECT 1") == 0
    assert cost("DELETE FROM {table} WHERE TRUE") is not None
    assert sum(dataset.counts("t").values()) == 50


def test_a_dry_run_tells_the_results_schema(dataset: Dataset) -> None:
    config = bigquery.QueryJobConfig(dry_run=True)

    job = dataset.client.query("SELECT DATE '2026-01-01' AS d, 1 AS n, 1.5 AS x, 's' AS s, [1] AS a, TRUE AS b", config)

    assert [(field.name, field.field_type, field.mode) for field in job.schema] == [
        ("d", "DATE", "NULLABLE"),
        ("n", "INTEGER", "NULLABLE"),
        ("x", "FLOAT", "NULLABLE"),
        ("s", "STRING", "NULLABLE"),
        ("a", "INTEGER", "REPEATED"),
        ("b", "BOOLEAN", "NULLABLE"),
    ]


def test_a_query_that_would_cost_too_much_is_refused(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 10))
    ten_mebibytes = 10 * 2**20

    with pytest.raises(
        (BadRequest, InternalServerError), match=f"Query exceeded limit for bytes billed: 1000. {ten_mebibytes} or higher required."
    ):
        dataset.query("SELECT * FROM {dataset}.t", maximum_bytes_billed=1000)
    job = dataset.client.query(f"SELECT id FROM `{dataset.table('t')}`", bigquery.QueryJobConfig(maximum_bytes_billed=ten_mebibytes))
    job.result()

    assert (job.total_bytes_processed, job.total_bytes_billed, job.cache_hit, job.statement_type) == (80, ten_mebibytes, False, "SELECT")
    assert [table.table_id for table in job.referenced_tables] == ["t"]


def test_a_partition_filter_may_be_required(dataset: Dataset) -> None:
    dataset.make("t", require_partition_filter=True)
    dataset.load("t", rows_of("2026-01-01", 2))

    assert dataset.query("SELECT id FROM {dataset}.t WHERE day = '2026-01-01' ORDER BY id") == [(0,), (1,)]
    with pytest.raises(BadRequest, match="Cannot query over table .* without a filter over column\\(s\\) 'day'"):
        dataset.query("SELECT id FROM {dataset}.t")


def test_a_result_replaces_a_partition(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", [*rows_of("2026-01-01", 3), *rows_of("2026-01-02", 9)])
    destination = dataset.table("t$20260102")

    for _ in range(2):
        dataset.query(
            "SELECT * FROM {dataset}.t WHERE day = '2026-01-02' AND id < 4", destination=destination, write_disposition="WRITE_TRUNCATE"
        )

    assert dataset.counts("t") == {"2026-01-01": 3, "2026-01-02": 4}


def test_a_result_becomes_a_partitioned_table(dataset: Dataset) -> None:
    partitioning = bigquery.TimePartitioning(field="day")
    sql = "SELECT day FROM UNNEST(GENERATE_DATE_ARRAY('2026-01-01', '2026-01-03')) AS day"

    dataset.query(sql, destination=dataset.table("t"), time_partitioning=partitioning, write_disposition="WRITE_EMPTY")

    assert dataset.client.list_partitions(dataset.table("t")) == ["20260101", "20260102", "20260103"]
    with pytest.raises(Conflict, match="Already Exists"):
        dataset.query(sql, destination=dataset.table("t"), time_partitioning=partitioning, write_disposition="WRITE_EMPTY")


def test_rows_are_changed_by_dml(dataset: Dataset) -> None:
    dataset.make("t", [SchemaField("day", "DATE"), SchemaField("n", "INTEGER")])

    def affected(sql: str) -> Any:
        job = dataset.client.query(sql.format(table=f"`{dataset.table('t')}`"))
        job.result()
        return job.num_dml_affected_rows

    assert affected("INSERT INTO {table} (day, n) SELECT DATE '2026-01-01', n FROM UNNEST([1, 2, 3]) AS n") == 3
    assert affected("UPDATE {table} SET n = 0 WHERE n < 3") == 2
    merge = "MERGE {table} AS t USING (SELECT 3 AS n UNION ALL SELECT 4) AS s ON t.n = s.n"
    assert affected(f"{merge} WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (day, n) VALUES (DATE '2026-01-02', s.n)") == 2
    assert dataset.query("SELECT n FROM {dataset}.t ORDER BY n") == [(0,), (0,), (4,)]
    assert dataset.client.list_partitions(dataset.table("t")) == ["20260101", "20260102"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", 'Syntax error: Unexpected identifier "SELEC" at \\[1:1\\]'),
        ("SELECT nothing FROM (SELECT 1 AS a)", "Unrecognized name: nothing"),
        ("SELECT 1 = 'a'", "No matching signature for operator"),
        ("SELECT @nothing", "Query parameter 'nothing' not found"),
        ("SELECT NOTHING(1)", "Function not found: NOTHING"),
        ("SELECT 1 / 0", "division by zero"),
    ],
)
def test_a_wrong_query_is_refused(dataset: Dataset, sql: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        dataset.query(sql)
    if "/" not in sql:
        with pytest.raises(BadRequest, match=message):
            dataset.query(sql, dry_run=True)


def test_a_missing_table_or_dataset_is_not_found(dataset: Dataset) -> None:
    with pytest.raises(NotFound, match="Not found: Table .*nothing was not found in location US"):
        dataset.query("SELECT * FROM {dataset}.nothing")
    with pytest.raises(NotFound, match="Not found: Dataset .*nowhere was not found in location US"):
        dataset.query("SELECT * FROM nowhere.nothing")


def test_a_job_keeps_its_id_its_labels_and_its_end(dataset: Dataset) -> None:
    job = dataset.client.query("SELECT 1", bigquery.QueryJobConfig(labels={"pipeline": "training"}))
    job.result()

    found = dataset.client.get_job(job.job_id)

    assert (found.labels, found.state, found.error_result) == ({"pipeline": "training"}, "DONE", None)
    assert found.created <= found.started <= found.ended
    assert job.job_id in [one.job_id for one in dataset.client.list_jobs(max_results=5)]
    with pytest.raises(Conflict, match="Already Exists: Job"):
        dataset.client.query("SELECT 2", job_id=job.job_id, job_retry=None, retry=None).result()


def test_queries_run_side_by_side_with_loads(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 100))

    def work(index: int) -> int:
        if index % 3:
            ((total,),) = dataset.query("SELECT SUM(id) FROM {dataset}.t WHERE day = '2026-01-01'")
            assert isinstance(total, int)
            return total
        dataset.load(f"t$202602{index + 1:02}", rows_of(f"2026-02-{index + 1:02}", 10))
        return sum(range(100))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(24))) == {sum(range(100))}
    assert sum(dataset.counts("t").values()) == 100 + 8 * 10
