"""What is said of tables and queries that cannot be trained on, before anything is read."""

from dataclasses import replace

import pytest
from google.cloud import bigquery

from components.errors import ModelFolderError, PerennialError, SourceError
from components.examples.live import stream_any_rows
from components.google import quoted
from components.model.folder import Model
from components.snapshot.describe import describe_snapshot
from components.snapshot.document import Snapshot
from components.snapshot.pin import latest_partition
from components.snapshot.query import check_query
from components.snapshot.source import read_source_table
from components.snapshot.window import Window
from tests.components.visits import COLUMNS, DAYS, SCHEMA, SQL, Site, day


def look(site: Site, model: Model) -> Snapshot:
    """Describe the window, and hold source.sql against the table as the step `read` does against the table snapshot."""
    snapshot, _ = describe_snapshot(site.cloud, model, day(DAYS))
    window = snapshot.window
    check_query(site.cloud, model, table=snapshot.source_table, window=window)
    return snapshot


def refused(site: Site, kind: type[PerennialError] = SourceError, **changes: object) -> str:
    """The sentence for a model with these changes."""
    with pytest.raises(kind) as error:
        look(site, site.model(**changes))
    assert "\n" not in str(error.value)
    return str(error.value)


# The table


def test_a_missing_table_is_named(site: Site) -> None:
    assert refused(site, table=f"{site.table}s") == (
        f"source table {site.name}s of model 'visits': Not found: Table {site.name.replace('.', ':', 1)}s; "
        f"load it first (`perennial seed MODEL` for the examples' data)"
    )


def test_a_missing_data_set_is_named(site: Site) -> None:
    assert refused(site, table="nowhere.visits").startswith(
        f"source table {site.settings.project}.nowhere.visits of model 'visits': Not found: "
    )


NEEDED = "visits needs it partitioned by DAY, HOUR or MONTH on its column 'day'"


@pytest.mark.parametrize(
    ("partitioning", "found", "way_out"),
    [
        (None, "without partitioning by day", "copy"),
        (bigquery.TimePartitioning(field="day", type_="YEAR"), "partitioned by YEAR on the DATE column 'day'", "copy"),
        (
            bigquery.TimePartitioning(field="second", type_="HOUR"),
            "partitioned by HOUR on the TIMESTAMP column 'second'",
            "name 'second' as source.partition_field in model.toml",
        ),
        (
            bigquery.TimePartitioning(field="other"),
            "partitioned by DAY on the DATE column 'other'",
            "name 'other' as source.partition_field in model.toml",
        ),
    ],
)
def test_a_table_must_be_partitioned_as_the_model_says(
    empty_site: Site, partitioning: bigquery.TimePartitioning | None, found: str, way_out: str
) -> None:
    columns = [*COLUMNS, bigquery.SchemaField("second", "TIMESTAMP"), bigquery.SchemaField("other", "DATE")]
    empty_site.create(partitioning=partitioning, schema=columns)
    with pytest.raises(SourceError) as error:
        read_source_table(empty_site.cloud, empty_site.model())
    copy = f"copy it with CREATE TABLE dataset.copy PARTITION BY `day` AS SELECT * FROM {quoted(empty_site.name)}"
    assert str(error.value) == f"table {empty_site.name} is {found}; {NEEDED}: {copy if way_out == 'copy' else way_out}"


def test_a_table_without_partitions_is_refused(empty_site: Site) -> None:
    empty_site.create(partitioning=bigquery.TimePartitioning(field="day"))
    with pytest.raises(SourceError) as error:
        latest_partition(empty_site.cloud, empty_site.model())
    assert str(error.value) == f"table {empty_site.name} has no partitions: load it first (`perennial seed MODEL` for the examples' data)"


# The query


LINES = """-- visits
SELECT
\tday AS as_of, {0},
  pages, seconds, device, returned
FROM {{source}} AS v JOIN {{source}} USING (day) WHERE v.day IN UNNEST(@spans){1}
"""


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC * FROM {source}", 'Syntax error: Unexpected identifier "SELEC" (line 1, column 1)'),
        (LINES.format("visitr", ""), "Unrecognized name: visitr; Did you mean visitor? (line 3, column 16)"),
        (LINES.format("visitor", " AND v.pges > 1"), "Name pges not found inside v (line 5, column 82)"),
        (LINES.format("visitor", ")"), 'Syntax error: Expected end of input but got ")" (line 5, column 75)'),
        (LINES.format("(visitor", ""), 'Syntax error: Expected ")" or "," but got keyword FROM (line 5, column 1)'),
        (
            SQL.replace("pages", "pages + device AS pages"),
            "No matching signature for operator +. Argument types: INT64, STRING (line 1, column 31)",
        ),
        ("SELECT 1 FROM {source} WHERE\u200bTRUE", 'Syntax error: Illegal input character "\\342" (line 1, column 29)'),
        ("SELECT 1 FROM {source}, {source} AS b WHERE b.nothing", "Name nothing not found inside b (line 1, column 47)"),
    ],
)
def test_a_query_that_does_not_run_is_told_with_the_place_in_its_file(site: Site, sql: str, said: str) -> None:
    sentence = refused(site, sql=sql)
    assert sentence == f"source.sql of model 'visits' does not run on {site.name}: {said}; correct it, or the table"


@pytest.mark.parametrize("sql", ["DELETE FROM {source} WHERE TRUE", "CREATE TABLE site.made AS SELECT * FROM {source}"])
def test_a_statement_that_is_no_query_is_refused_and_not_run(site: Site, sql: str) -> None:
    assert refused(site, sql=sql).startswith("source.sql of model 'visits' is a statement of the type ")
    assert look(site, site.model())


def test_a_query_that_fails_where_it_is_read_is_told_with_the_place_in_its_file(site: Site) -> None:
    model, window = site.model(sql=f"SELECT {SQL[7:].replace('pages', 'pges')}"), Window((day(4),), day(3), day(5))
    with pytest.raises(SourceError) as error:
        list(stream_any_rows(site.cloud, model, window, table=site.name))
    assert "Unrecognized name: pges; Did you mean pages? (line 1, column 31); correct it" in str(error.value)


@pytest.mark.parametrize(
    ("sql", "schema", "writes"),
    [
        (SQL.replace("visitor,", "Visitor,"), SCHEMA, "'Visitor', model.toml or schema.pbtxt writes 'visitor'"),
        (SQL.replace("seconds,", "seconds AS SECONDS,"), SCHEMA, "'SECONDS', model.toml or schema.pbtxt writes 'seconds'"),
    ],
)
def test_a_name_in_another_case_is_refused(site: Site, sql: str, schema: str, writes: str) -> None:
    assert refused(site, sql=sql, schema=schema) == f"source.sql of model 'visits' writes column {writes}: write both alike"


def test_a_query_may_end_with_a_comment(site: Site) -> None:
    assert look(site, site.model(sql=f"{SQL} -- the end"))


def test_a_query_of_too_many_bytes_is_refused(site: Site) -> None:
    poor = site.settings.model_copy(update={"maximum_bytes_billed": 1000})
    with pytest.raises(SourceError) as error:
        check_query(replace(site, settings=poor).cloud, site.model(), table=site.name, window=Window((day(4), day(5)), day(3), day(6)))
    assert str(error.value) == (
        "source.sql of model 'visits' would read 1,868 bytes, PERENNIAL_MAXIMUM_BYTES_BILLED is 1,000: narrow the window or raise the limit"
    )


def test_a_limit_that_bigquery_itself_holds_says_the_same(site: Site) -> None:
    poor = site.settings.model_copy(update={"maximum_bytes_billed": 1_000_000})
    with pytest.raises(SourceError) as error:
        describe_snapshot(replace(site, settings=poor).cloud, site.model(), day(DAYS))
    assert str(error.value) == (
        f"partitions of {site.name}: Query exceeded limit for bytes billed: 1000000. 10485760 or higher required. "
        f"Narrow the window, or raise PERENNIAL_MAXIMUM_BYTES_BILLED"
    )


# Its columns


@pytest.mark.parametrize("name", ["as_of", "visitor", "pages", "returned", "device"])
def test_a_missing_column_is_named(site: Site, name: str) -> None:
    inner = SQL.replace("day AS as_of", "day AS as_of, 'x' AS other")
    sql = f"SELECT * EXCEPT ({name}) FROM ({inner})"
    assert refused(site, sql=sql) == (
        f"source.sql of model 'visits' has no column {name!r}: add it, or correct model.toml and schema.pbtxt"
    )


def test_a_slice_needs_its_column(site: Site) -> None:
    assert "has no column 'country'" in refused(site, toml={'[["device"]]': '[["device"], ["country"]]'})


def test_a_label_must_be_a_column_even_if_the_schema_lacks_it(site: Site) -> None:
    assert "has no column 'bought'" in refused(site, toml={'label = "returned"': 'label = "bought"'})


@pytest.mark.parametrize(
    ("old", "new", "column", "found", "why"),
    [
        ("pages,", "CAST(pages AS STRING) AS pages,", "pages", "STRING", "schema.pbtxt says INT: mend the source, or review `pages`"),
        ("pages,", "CAST(pages AS FLOAT64) AS pages,", "pages", "FLOAT", "schema.pbtxt says INT"),
        ("seconds,", "CAST(seconds AS INT64) AS seconds,", "seconds", "INTEGER", "schema.pbtxt says FLOAT"),
        ("device,", "1 AS device,", "device", "INTEGER", "schema.pbtxt says BYTES"),
        ("device,", "[device] AS device,", "device", "ARRAY<STRING>", "schema.pbtxt says BYTES"),
        ("device,", "STRUCT(device AS a) AS device,", "device", "RECORD", "schema.pbtxt says BYTES"),
        ("device,", "TO_JSON(device) AS device,", "device", "JSON", "schema.pbtxt says BYTES"),
        ("device,", "day AS device,", "device", "DATE", "schema.pbtxt says BYTES"),
        ("visitor,", "CAST(visitor AS FLOAT64) AS visitor,", "visitor", "FLOAT", "a key must be INT64 or STRING: cast it"),
        ("day AS as_of", "CAST(day AS STRING) AS as_of", "as_of", "STRING", "a span must be DATE: cast it"),
        ("day AS as_of", "TIMESTAMP(day) AS as_of", "as_of", "TIMESTAMP", "a span must be DATE: cast it"),
    ],
)
def test_a_column_of_another_type_is_named(site: Site, old: str, new: str, column: str, found: str, why: str) -> None:
    sentence = refused(site, sql=SQL.replace(old, new))
    assert sentence.startswith(f"column {column!r} of source.sql of model 'visits' is {found}, {why}")


def test_a_label_of_text_is_refused(site: Site) -> None:
    changed = SCHEMA.replace('"returned" type: INT int_domain { min: 0 max: 1 }', '"returned" type: BYTES')
    sentence = refused(site, schema=changed, sql=SQL.replace("returned", "IF(returned = 1, 'yes', 'no') AS returned"))
    assert sentence == "column 'returned' of source.sql of model 'visits' is STRING, a label must be 0 or 1: cast it (line 1 of source.sql)"


def test_types_that_an_example_can_hold_are_accepted(site: Site) -> None:
    schema = SCHEMA + "".join(f'feature {{ name: "{name}" type: {kind} }}' for name, kind in (("a", "INT"), ("b", "FLOAT"), ("c", "BYTES")))
    sql = SQL.replace("returned", "returned, pages > 3 AS a, CAST(pages AS NUMERIC) AS b, CAST(device AS BYTES) AS c")
    assert look(site, site.model(schema=schema, sql=sql))


def test_a_column_that_nobody_reviewed_is_refused(site: Site) -> None:
    sentence = refused(site, sql=SQL.replace("returned", "returned, 'fr' AS country"))
    assert sentence == (
        "column 'country' of source.sql of model 'visits' is not in schema.pbtxt: add it there or drop it (line 1 of source.sql); "
        "`perennial schema infer visits` proposes how"
    )


def test_a_schema_that_does_not_parse_is_refused(site: Site) -> None:
    sentence = refused(site, ModelFolderError, schema='feature { nam: "pages" }')
    assert sentence.startswith("schema.pbtxt of model 'visits' is no tensorflow.metadata.v0.Schema: 1:11 : ")
    assert sentence.endswith("; correct it")


@pytest.mark.parametrize(("kind", "name"), [("", "TYPE_UNKNOWN"), ("type: STRUCT", "STRUCT")])
def test_a_feature_must_have_a_type_that_an_example_can_hold(site: Site, kind: str, name: str) -> None:
    sentence = refused(site, ModelFolderError, schema=f'{SCHEMA}feature {{ name: "country" {kind} }}')
    assert sentence == f"feature 'country' in schema.pbtxt of model 'visits' is {name}: choose one of INT, FLOAT, BYTES"


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        ("lifecycle_stage: PLANNED", "PLANNED"),
        ("lifecycle_stage: ALPHA", "ALPHA"),
        ("lifecycle_stage: DEPRECATED", "DEPRECATED"),
        ("lifecycle_stage: DISABLED", "DISABLED"),
        ("lifecycle_stage: DEBUG_ONLY", "DEBUG_ONLY"),
        ("deprecated: true", "deprecated"),
    ],
)
def test_a_feature_that_nothing_would_check_is_refused(site: Site, line: str, stage: str) -> None:
    changed = SCHEMA.replace('name: "pages" type: INT', f'name: "pages" type: INT {line}')
    assert refused(site, ModelFolderError, schema=changed) == (
        f"feature 'pages' in schema.pbtxt of model 'visits' is {stage}, so that nothing would check it: "
        f"drop it from schema.pbtxt and source.sql, or drop that line"
    )


@pytest.mark.parametrize("line", ["lifecycle_stage: BETA", "lifecycle_stage: PRODUCTION", 'not_in_environment: "SERVING"'])
def test_a_feature_that_is_checked_is_accepted(site: Site, line: str) -> None:
    assert look(site, site.model(schema=SCHEMA.replace('name: "pages" type: INT', f'name: "pages" type: INT {line}')))


# The slices


def sliced(column: str, value: str) -> dict[str, str]:
    """Changes of model.toml: a slice by the column, and a threshold on one of its values."""
    return {'[["device"]]': f'[["{column}"]]', "at_least = 0.6": f"at_least = 0.6\nslice = {{ {column} = {value} }}"}


BOOL = {
    "sql": SQL.replace("device,", "device = 'phone' AS device,"),
    "schema": SCHEMA.replace('name: "device" type: BYTES domain: "device"', 'name: "device" type: INT'),
}


@pytest.mark.parametrize("value", ["true", "false", "1"])
def test_a_slice_of_a_bool_is_true_or_false(site: Site, value: str) -> None:
    assert look(site, site.model(**BOOL, toml=sliced("device", value)))


@pytest.mark.parametrize(
    ("column", "value", "changes", "sentence"),
    [
        ("device", '"true"', BOOL, "is on device = 'true', but the column is BOOLEAN: write true or false"),
        ("device", "2", BOOL, "is on device = '2', but the column is BOOLEAN: write true or false"),
        ("pages", '"many"', {}, "is on pages = 'many', but the column is INTEGER: write a whole number"),
    ],
)
def test_a_slice_that_no_row_can_be_in_is_refused(site: Site, column: str, value: str, changes: dict[str, str], sentence: str) -> None:
    refusal = refused(site, ModelFolderError, **changes, toml=sliced(column, value))
    assert refusal == f"the threshold on 'auc' in model.toml of model 'visits' {sentence}"


@pytest.mark.parametrize(("column", "value"), [("pages", "3"), ("device", '"phone"'), ("device", "7")])
def test_a_slice_may_be_a_text_or_a_whole_number(site: Site, column: str, value: str) -> None:
    assert look(site, site.model(toml=sliced(column, value)))


def test_a_slice_by_a_float_is_refused(site: Site) -> None:
    sentence = "is FLOAT, a column that evaluation.slices names must be STRING, INT64 or BOOL: cast it (line 1 of source.sql)"
    assert refused(site, toml={'[["device"]]': '[["seconds"]]'}) == f"column 'seconds' of source.sql of model 'visits' {sentence}"
