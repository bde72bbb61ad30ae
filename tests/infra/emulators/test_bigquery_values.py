"""The values of expressions, held against those that BigQuery documents; whatever is in none of them is refused."""

import datetime as dt
import itertools
import math
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, MethodNotImplemented
from google.cloud import bigquery

from components.settings import REPOSITORY
from tests.infra.emulators.bigquery_process import Dataset
from tests.infra.emulators.emulator_process import PYTHON

EXPRESSIONS = Path(__file__).parent / "expressions.txt"
PROVEN = REPOSITORY / "infra" / "emulators" / "bigquery" / "sql" / "proven.txt"
NAMES = {"datetime": dt, "Decimal": Decimal, "nan": math.nan, "inf": math.inf}
EXPRESSIONS_A_QUERY = 8
TABLE = [line.rpartition(" → ")[::2] for line in EXPRESSIONS.read_text().splitlines() if not line.startswith("#")]


def same(one: Any, other: Any) -> bool:
    """Whether two values are of one type and equal; floating-point numbers to their last bits, in which libraries differ."""
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or one == other or math.isclose(one, other, rel_tol=2e-15)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def test_every_expression_gives_what_bigquery_gives(bigquery_client: bigquery.Client) -> None:
    assert len(TABLE) > 1000
    wrong = []
    for some in itertools.batched(TABLE, EXPRESSIONS_A_QUERY):
        columns = ", ".join(f"{expression} AS value_{i}" for i, (expression, _) in enumerate(some))
        (row,) = bigquery_client.query_and_wait(f"SELECT {columns}")
        for (expression, written), value in zip(some, row.values(), strict=True):
            expected = eval(written, NAMES)  # noqa: S307 - of a file of ours
            if not same(value, expected):
                wrong.append((expression, expected, value))
    assert wrong == []


def test_only_what_is_in_those_expressions_is_run() -> None:
    with EXPRESSIONS.open() as expressions:
        found = subprocess.run([PYTHON, "-m", "bigquery.sql.proven"], stdin=expressions, capture_output=True, text=True, check=True).stdout
    command = f"{PYTHON} -m bigquery.sql.proven < {EXPRESSIONS} > {PROVEN}"
    assert found == PROVEN.read_text(), f"renew it: {command}"


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("SUBSTR(b'apple', 2, 2)", "this query"),
        ("FORMAT_DATE('%e', DATE '2026-01-05')", "FORMAT_DATE %e"),
        ("(SELECT SUM(x HAVING MAX x) FROM UNNEST([2, NULL, 1]) AS x)", "SUM HAVING"),
        ("[b'\\xff']", "bytes above 127 in an array or a struct of literals: write FROM_HEX in it"),
        ("SAFE.SUBSTR('abc', 0, -2)", "SAFE SUBSTR"),
        ("(SELECT CAST(x AS TIME) FROM UNNEST([TIMESTAMP '2026-01-05 01:02:03+00']) AS x)", "CAST(TIMESTAMP AS TIME)"),
        ("ST_GEOGPOINT(1, 2)", "ST_GEOGPOINT"),
        ("EXTRACT(HOUR FROM INTERVAL 26 HOUR)", "$EXTRACT OF INTERVAL"),
        ("FORMAT_TIMESTAMP('%E*S', TIMESTAMP '2026-01-05 01:02:03.5+00')", "FORMAT_TIMESTAMP %E*S"),
        ("(SELECT NULLIF(x, x) FROM UNNEST([0.5]) AS x)", "NULLIF of FLOAT64 with values that may be NaN: compare them by ="),
        ("(SELECT x IN (SELECT 1.5) FROM UNNEST([1.5]) AS x)", "IN of FLOAT64 and a query: join them, or compare by EXISTS"),
        ("(SELECT 1 FROM (SELECT .5 AS x) JOIN (SELECT .5 AS x) USING (x))", "JOIN USING a column of FLOAT64: write ON a.x = b.x"),
        ("(SELECT CORR(x, x) OVER () FROM UNNEST([1.0]) AS x)", "CORR OVER"),
        ("FORMAT_DATE('', DATE '2026-01-05')", "FORMAT_DATE of an empty text"),
        ("[r'\\x41']", "this escape in a literal that is no STRING: write the character"),
        ('JSON \'{"a": "\\\\n"}\'', "this escape in a literal that is no STRING: write the character"),
        ("JSON '1e16'", "JSON with numbers as large or small as 1e16 and 1e-5"),
        ("PARSE_JSON('[1e-5]')", "JSON with numbers of more than 17 digits, or as large or small as 1e16 and 1e-5"),
        ("JSON_QUERY('{\"x\": [1.50]}', '$.x')", "JSON of a STRING that has numbers such as 1.50 and 1e5"),
        ("TO_JSON(NUMERIC '1.5')", "TO_JSON of NUMERIC and BIGNUMERIC"),
        ("FORMAT('%x', -255)", "%x, %X and %o of negative numbers"),
        ("FORMAT('%*d %o', 3, 1, -8)", "%x, %X and %o of negative numbers"),
        ("FORMAT('%08.1f', CAST('inf' AS FLOAT64))", "FORMAT of infinity and NaN with zeros before it"),
        ("FORMAT_DATE('%F', DATE '0999-12-31')", "the format of days before the year 1000"),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2026-01-05 01:02:03+00', HOUR, 'Asia/Kathmandu')", "TIMESTAMP_TRUNC to HOUR in a zone"),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2026-01-05 01:02:03+00', ISOYEAR, 'Europe/Berlin')", "TIMESTAMP_TRUNC to ISOYEAR in a zone"),
        ("REGEXP_EXTRACT_ALL('ab', 'x*')", "REGEXP_EXTRACT_ALL with an empty match at the end"),
        ("INITCAP('straße')", "INITCAP of ß"),
        ("STRUCT(1, 'a') IN (STRUCT(1, 'a'))", "IN of STRUCT"),
        ("STRUCT(1, 2.5) = STRUCT(1, 2.5)", "comparing STRUCTs of FLOAT64"),
        ("SIN(CAST('inf' AS FLOAT64))", "this query (input value inf is out of range for numeric function"),
        ("FORMAT_DATE(IF(TRUE, '%Y', '%m'), DATE '2026-01-05')", "FORMAT_DATE of no literal"),
        ("SAFE_CONVERT_BYTES_TO_STRING(FROM_HEX('ff'))", "SAFE_CONVERT_BYTES_TO_STRING of bytes that are no UTF-8"),
        ("PARSE_DATE('%F', '2026-1-5')", '%F of a text without all digits, such as "2026-1-5"'),
        ("SAFE.PARSE_DATE('%F', '2026-1-5')", '%F of a text without all digits, such as "2026-1-5"'),
        ("SAFE.PARSE_DATE('%G', '2026')", "PARSE_DATE %G"),
        (
            "(SELECT x FROM (SELECT * REPLACE (-x AS x) FROM (SELECT 1.5 AS x) ORDER BY 1))",
            "ORDER BY the place of a column of FLOAT64 behind",
        ),
        ("JSON_VALUE('[1]', '$[-1]')", "the JSONPath $[-1]"),
        ("PARSE_BIGNUMERIC('- 12.34')", "PARSE_BIGNUMERIC of spaces and commas"),
        ("1 << 63", "this query (Overflow in left shift"),
        ("FROM_BASE64('YQ')", "this query (Could not decode string"),
        ("TIME(23, 59, 60)", "TIME of 60 seconds"),
        ("SAFE.REGEXP_CONTAINS('a', '[')", "SAFE.REGEXP_CONTAINS with the pattern ["),
        ("EXTRACT(TIME FROM TIMESTAMP '2026-01-05 01:02:03+00')", "this query (Unimplemented type for cast"),
        ("ROUND(1.7976931348623157e308, -308)", "ROUND and TRUNC of numbers and to places as large as these"),
        ("(SELECT AVG(x) FROM UNNEST([1e308, 1e308]) AS x)", "AVG of numbers whose sum is beyond FLOAT64"),
        ("ARRAY(SELECT AVG(x) OVER () FROM UNNEST([1e308, 1e308]) AS x)", "AVG of numbers whose sum is beyond FLOAT64"),
        ("(SELECT SUM(x) FROM UNNEST([1e308, 1e308, -1e308]) AS x)", "SUM of numbers whose sum is beyond FLOAT64"),
        ("(SELECT STDDEV(x) FROM UNNEST([1e200, -1e200]) AS x)", "this query (STDDEV_SAMP is out of range!)"),
        ("(SELECT CORR(x, x) FROM UNNEST([1e200, -1e200, 0.0]) AS x)", "this query (STDDEV_POP for X is out of range!)"),
        ("(SELECT `a` FROM (SELECT 'a' AS k, 1e308 AS v) PIVOT(SUM(v) FOR k IN ('a')))", "SUM and AVG in PIVOT of numbers beyond 1e290"),
        ("FORMAT_DATE('x%', DATE '2026-01-05')", "FORMAT_DATE %"),
        ("FORMAT_TIMESTAMP('%s %E3S', TIMESTAMP '2026-01-05 01:02:03.5+00')", "%s beside fractions of a second"),
        (
            "FORMAT_TIMESTAMP('%T', TIMESTAMP '1890-06-01 00:00:00+00', 'Asia/Tehran')",
            "texts of moments at which a zone was some seconds from UTC",
        ),
        ("STRING(TIMESTAMP '1971-01-01 00:00:00+00', 'Africa/Monrovia')", "texts of moments at which a zone was some seconds from UTC"),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2026-01-05 01:02:03+00', WEEK, '+05:30')", "TIMESTAMP_TRUNC to WEEK in a zone"),
        ("REGEXP_INSTR('abc', '(a)?b', 2)", "REGEXP_INSTR of groups"),
        ("REGEXP_INSTR('abab', 'a(.)')", "REGEXP_INSTR of groups"),
        ("REGEXP_INSTR('abc', r'$', 1, 2)", "REGEXP_INSTR of groups, of a later match that is empty"),
        ("REGEXP_EXTRACT('aab', 'a*', 1, 3)", "REGEXP_EXTRACT of the last match by its occurrence, if it is empty"),
        ("REGEXP_EXTRACT_ALL('b', '(x)?')", "REGEXP_EXTRACT_ALL with an empty match at the end"),
        ("SAFE.REGEXP_EXTRACT('a', '[')", "SAFE.REGEXP_EXTRACT with the pattern ["),
        ("SAFE.REGEXP_EXTRACT('abc', 'b', 2)", "SAFE.REGEXP_EXTRACT with a position"),
        ("SAFE.PARSE_JSON('[1e-5]')", "SAFE.FUNCTION of this text"),
        ("SAFE.TIMESTAMP('2026-01-05 10:00:60')", "SAFE.FUNCTION of this text"),
        ("SAFE_CAST('23:59:60' AS TIME)", "times with 60 seconds, nor zones of one digit"),
        ("(SELECT CAST(x AS TIMESTAMP) FROM UNNEST(['2026-01-05 10:00:00+5']) AS x)", "times with 60 seconds, nor zones of one digit"),
        ("CAST(DATE '2026-01-05' AS STRING FORMAT 'HH24:MI')", "HH in the format of a DATE"),
        ("TIMESTAMP '2026-01-05 10:00:00+00' + (DATE '2026-01-05' - DATE '2026-01-01')", "TIMESTAMP with an INTERVAL that is computed"),
        ("(SELECT COUNT(*) FROM (SELECT 1 AS a) UNPIVOT (v FOR k IN (a AS 10)))", "UNPIVOT with numbers AS names"),
        (
            "(SELECT PERCENTILE_CONT(x, .5) OVER () FROM UNNEST([1, CAST('nan' AS FLOAT64)]) AS x LIMIT 1)",
            "percentiles and quantiles of NaN",
        ),
        ("(SELECT ANY_VALUE(x HAVING MAX x) FROM UNNEST([1.5]) AS x)", "ANY_VALUE with HAVING MAX or MIN of FLOAT64"),
        ("(SELECT AVG(x) FROM UNNEST([1, CAST('inf' AS FLOAT64)]) AS x)", "AVG of numbers whose sum is beyond FLOAT64"),
        ("LOG(0.5, CAST('inf' AS FLOAT64))", "logarithms of infinity"),
        ("EDIT_DISTANCE('Straße', 'cafe')", "EDIT_DISTANCE of characters beyond ASCII"),
        ("JSON_KEYS(JSON '{\"a.b\": 1}')", "JSON_KEYS of keys with dots, brackets or escapes"),
        ("BIGNUMERIC '1' / 3", "DIVIDE of BIGNUMERIC"),
        ("CAST('1e29' AS BIGNUMERIC)", "this query (Could not convert string"),
        ("-5 << 1", "this query (Cannot left-shift negative number -5"),
        ("SAFE.ROUND(2.675, 2)", "ROUND of these types with SAFE before it, or in quotes: write ROUND(…)"),
        ("DATE_ADD(" * 60 + "DATE '2026-01-01'" + ", INTERVAL 1 DAY)" * 60, "queries that are nested as deeply as this one"),
    ],
)
def test_what_is_not_known_to_be_right_is_refused(bigquery_client: bigquery.Client, expression: str, what: str) -> None:
    with pytest.raises(MethodNotImplemented) as error:
        bigquery_client.query_and_wait(f"SELECT {expression}")
    assert f"The emulator does not support {what}" in error.value.message


@pytest.mark.parametrize(
    ("expression", "refusal"),
    [
        ("CAST('1.5' AS INT64)", "Bad int64 value: 1.5"),
        ("(SELECT CAST(x AS INT64) FROM UNNEST(['1e5']) AS x)", "Bad int64 value: 1e5"),
        ("CAST('yes' AS BOOL)", "Bad bool value: yes"),
        ("CAST('2026-01-05 10:00:00' AS DATE)", "Bad date: 2026-01-05 10:00:00"),
        ("CAST('epoch' AS TIMESTAMP)", "Bad timestamp: epoch"),
        ("LEFT('abc', -1)", "The length in LEFT() cannot be negative"),
        ("SUBSTR('abc', 1, -1)", "The length in SUBSTRING() cannot be negative"),
        ("REPEAT('abc', 1 - 2)", "The length in REPEAT() cannot be negative"),
        ("DATE_ADD(DATE '9999-12-31', INTERVAL 1 DAY)", "causes overflow"),
        ("DATE_TRUNC(DATE '0001-01-03', WEEK)", "causes overflow"),
        ("DATE(0, 1, 1)", "causes overflow"),
        ("DATETIME('2026-01-05 10:00:00 UTC')", "Bad datetime: 2026-01-05 10:00:00 UTC"),
        ("TIMESTAMP('2026-01-05 10:00')", "Bad timestamp: 2026-01-05 10:00"),
        ("EXP(1000)", "Floating point error in function: EXP"),
        ("EXP(LN(3.0) * 1000)", "Floating point error in function: EXP"),
        ("POW(-8, .5)", "Floating point error in function: POW"),
        ("ACOSH(0.5)", "Floating point error in function: ACOSH"),
        ("ATANH(1)", "Floating point error in function: ATANH"),
        ("CSC(0)", "Floating point error in function: CSC"),
        ("1e308 * 10", "double overflow: *"),
        ("CAST(1e30 AS NUMERIC)", "numeric out of range: 1e+30"),
        ("(SELECT CAST(x AS NUMERIC) FROM UNNEST([CAST('nan' AS FLOAT64)]) AS x)", "non-finite floating point number to numeric: nan"),
        ("NUMERIC '99999999999999999999999999999' / NUMERIC '0.1'", "numeric overflow"),
        ("NUMERIC '1' / NUMERIC '0'", "division by zero: 1 / 0"),
        ("(SELECT SUM(x) FROM UNNEST([NUMERIC '99999999999999999999999999999', NUMERIC '1']) AS x)", "numeric overflow: SUM"),
        ("TIMESTAMP '2026-01-05 10:00:00+00' + INTERVAL 1 MONTH", "not supported for intervals with non-zero MONTH or YEAR part"),
        ("TIMESTAMP '2026-01-05 10:00:00+00' - INTERVAL '1-2' YEAR TO MONTH", "intervals with non-zero MONTH or YEAR part"),
        ("TIMESTAMP(DATE '0001-01-01', 'Europe/Berlin')", "causes overflow"),
        ("CAST('2026-01-05 10:00:00-14:30' AS TIMESTAMP)", "2026-01-05 10:00:00-14:30"),
        ("1.0 / (1e308 * 10)", "double overflow: *"),
        ("(SELECT SUM(x) - MIN(x) * 2.5 FROM UNNEST([-1e308]) AS x)", "double overflow"),
        ("(SELECT x / y FROM UNNEST([STRUCT(1e308 AS x, 1e-10 AS y)]))", "double overflow: /"),
        ("(SELECT SUM(x) FROM UNNEST([1e308, 1e308]) AS x)", "double overflow: SUM"),
        ("DATE '9999-12-31' + 1", "causes overflow"),
        ("DATE '9999-12-31' + INTERVAL 1 DAY", "causes overflow"),
        ("DATE_SUB(DATE_ADD(DATE '2026-01-01', INTERVAL 8000 YEAR), INTERVAL 8000 YEAR)", "causes overflow"),
        ("TIMESTAMP_SECONDS(253402300800)", "causes overflow"),
        ("TIMESTAMP_MICROS(253402300800000000)", "causes overflow"),
        ("DATE_FROM_UNIX_DATE(2932897)", "causes overflow"),
        ("(SELECT CAST(CAST(CAST(CAST(x AS STRING) AS INT64) AS STRING) AS INT64) FROM UNNEST(['1.5']) AS x)", "Bad int64 value: 1.5"),
        ("TRANSLATE('abc', 'aba', 'xyz')", "Duplicate character in TRANSLATE source characters"),
        ("RANGE_BUCKET(3, [0, 10, 5])", "Elements in input array to RANGE_BUCKET must be in ascending order"),
        ("RANGE_BUCKET(1.0, [1.0, CAST('nan' AS FLOAT64)])", "must be in ascending order"),
        ("COSINE_DISTANCE([0.0], [1.0])", "Cannot compute cosine distance against zero vector"),
        ("INSTR('abc', 'b', 0)", "Position must be non-zero"),
        ("INSTR('abc', 'b', 1, 0)", "Occurrence must be positive"),
        ("REGEXP_EXTRACT('abc', '(a)(b)')", "must not have more than 1 capturing group"),
        ("REGEXP_EXTRACT('abc', '((a)b)')", "must not have more than 1 capturing group"),
        ("REGEXP_EXTRACT('abc', 'b', 0)", "Position must be positive"),
        ("REGEXP_EXTRACT_ALL('abc', '(a)(b)')", "must not have more than 1 capturing group"),
        ("REGEXP_REPLACE('abc', '(b)', '<\\\\2>')", "Invalid REGEXP_REPLACE pattern"),
        ("ASCII('é')", "Argument to ASCII is not a structurally valid ASCII string"),
        ("CODE_POINTS_TO_BYTES([256])", "Invalid value in CODE_POINTS_TO_BYTES"),
        ("TIME(24, 0, 0)", "Input calculates to invalid time: 24 hours"),
        ("PARSE_JSON('[nan]')", "Invalid input to PARSE_JSON"),
        ("PARSE_JSON('[1,]')", "Invalid input to PARSE_JSON"),
        ("TO_JSON_STRING(PARSE_JSON('[1,]'))", "Invalid input to PARSE_JSON"),
        ("DATE(TIMESTAMP '9999-12-31 23:59:59+00', 'Europe/Berlin')", "causes overflow"),
        ("EXTRACT(DATE FROM TIMESTAMP '0001-01-01 00:00:00+00' AT TIME ZONE '-08:00')", "causes overflow"),
        ("TIMESTAMP(DATETIME '0001-01-01 00:00:00', 'Europe/Berlin')", "causes overflow"),
        ("'a' LIKE 'a\\\\'", "LIKE pattern ends with a backslash"),
        (
            "ARRAY(SELECT IFNULL(LAG(x, -1) OVER (ORDER BY x), 0) FROM UNNEST([1]) AS x)",
            "The offset to the function LAG must not be negative",
        ),
        ("JSON_VALUE('{}', 'a')", "JSONPath must start with '$'"),
        ("JSON_VALUE('{}', '$a')", "Invalid token in JSONPath at: $a"),
        ("JSON_VALUE('{}', \"$.'a b'\")", "Invalid token in JSONPath at: $.'a b'"),
        ("JSON_VALUE('{}', \"$['a']\")", "Invalid token in JSONPath at: $['a']"),
        ("JSON_VALUE('{}', '$.a.')", "Invalid token in JSONPath at: $.a."),
        ("JSON_QUERY_ARRAY('{}', '$.a[*]')", "Unsupported operator in JSONPath: $.a[*]"),
        ("JSON_QUERY('{}', '$..a')", "Unsupported operator in JSONPath: $..a"),
        ("LPAD('abc', 2, '')", "Third argument (pad pattern) for LPAD/RPAD cannot be empty"),
        ("GENERATE_DATE_ARRAY('2026-01-01', '2026-01-10', INTERVAL 0 DAY)", "Sequence step cannot be 0."),
        (
            "ARRAY(SELECT ARRAY_LENGTH(GENERATE_DATE_ARRAY('2026-01-01', '2026-01-02', INTERVAL n DAY)) FROM UNNEST([0]) AS n)",
            "cannot be 0",
        ),
        ("SAFE_ADD(DIV(1, 0), 1)", "division by zero: 1 DIV 0"),
        ("SAFE_NEGATE(DIV(1, 0))", "division by zero: 1 DIV 0"),
        ("SAFE_SUBTRACT(CAST(CONCAT('x', '') AS INT64), 1)", "Bad int64 value: x"),
        ("SAFE_DIVIDE(NUMERIC '1' / NUMERIC '0', NUMERIC '1')", "division by zero: 1 / 0"),
        ("SAFE.REGEXP_EXTRACT(CAST(DIV(1, 0) AS STRING), 'a')", "division by zero: 1 DIV 0"),
        ("SAFE.PARSE_DATE('%Y', CAST(DIV(1, 0) AS STRING))", "division by zero: 1 DIV 0"),
        ("NUMERIC '99999999999999999999999999999' * 2", "numeric overflow: 99999999999999999999999999999"),
        ("DIV(NUMERIC '1', NUMERIC '0')", "division by zero: 1 / 0"),
        ("INT64(JSON 'null')", "The provided JSON input is not an integer"),
        ("FLOAT64(JSON 'null')", "The provided JSON input is not a number"),
        ("(SELECT BOOL(x) FROM UNNEST([JSON 'null']) AS x)", "The provided JSON input is not a boolean"),
        ("STRING(JSON 'null')", "The provided JSON input is not a string"),
        ("MOD(5, 1 - 1)", "division by zero: MOD(5, 0)"),
        ("PARSE_DATE('%Y-%m-%d', 'x')", 'Failed to parse input string "x"'),
        ("PARSE_TIMESTAMP('%Y', '2026', 'Nowhere/X')", "Invalid time zone: Nowhere/X"),
        ("PARSE_NUMERIC('1 2')", 'Invalid input to PARSE_NUMERIC: "1 2"'),
        ("TIMESTAMP(DATE '2026-03-29', 'Nowhere/X')", "Invalid time zone: Nowhere/X"),
    ],
)
def test_what_has_no_value_is_refused(bigquery_client: bigquery.Client, expression: str, refusal: str) -> None:
    with pytest.raises(BadRequest) as error:
        bigquery_client.query_and_wait(f"SELECT {expression}")
    assert refusal in error.value.message


def test_columns_have_bigquerys_names(dataset: Dataset) -> None:
    dataset.query("CREATE TABLE {dataset}.t (note STRING, n INT64)")

    def names(sql: str, **options: Any) -> list[str]:
        job = dataset.client.query(sql.replace("{t}", f"`{dataset.table('t')}`"), bigquery.QueryJobConfig(**options))
        return [column.name for column in job.result().schema]

    assert names("SELECT NOTE, N AS n FROM {t}") == ["NOTE", "n"]
    assert names("SELECT 1, 2 AS a, 3") == ["f0_", "a", "f1_"]
    assert names("SELECT 1 AS a, 2 AS A, 3 AS a") == ["a", "A_1", "a_2"]
    assert names("SELECT MAX(n), * FROM (SELECT 1 AS n) GROUP BY n") == ["f0_", "n"]
