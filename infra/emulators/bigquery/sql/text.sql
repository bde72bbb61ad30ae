-- CAST(value AS BYTES): text as UTF-8, where DuckDB takes it for escapes.
CREATE MACRO bq.main.perennial_bytes(value, cast_by_duckdb) AS
CASE WHEN typeof(value) = 'VARCHAR' THEN encode(CAST(value AS VARCHAR)) ELSE cast_by_duckdb END;

-- How CAST(value AS STRING) shows a value, given how DuckDB does: no zeros at the end of a decimal number, three or six digits of the
-- fraction of a second, and 15 or 17 digits of a floating-point number, whichever are enough.
CREATE MACRO bq.main.perennial_text(value, shown) AS CASE
    WHEN typeof(value) = 'BLOB' THEN decode(CAST(value AS BLOB))
    WHEN typeof(value) LIKE 'DECIMAL%' AND contains(shown, '.') THEN rtrim(rtrim(shown, '0'), '.')
    WHEN typeof(value) IN ('TIMESTAMP', 'TIMESTAMP WITH TIME ZONE', 'TIME') AND contains(shown, '.') THEN replace(
        shown,
        '.' || regexp_extract(shown, '\.(\d+)', 1),
        '.' || rpad(regexp_extract(shown, '\.(\d+)', 1), CASE WHEN length(regexp_extract(shown, '\.(\d+)', 1)) <= 3 THEN 3 ELSE 6 END, '0')
    )
    WHEN typeof(value) IN ('DOUBLE', 'FLOAT') AND isfinite(TRY_CAST(shown AS DOUBLE)) THEN CASE
        WHEN CAST(shown AS DOUBLE) = 0 THEN '0'
        WHEN CAST(printf('%.15g', CAST(shown AS DOUBLE)) AS DOUBLE) = CAST(shown AS DOUBLE) THEN printf('%.15g', CAST(shown AS DOUBLE))
        ELSE printf('%.17g', CAST(shown AS DOUBLE))
    END
    ELSE shown
END;

-- What follows names its argument once: of calls within calls, each would else be there as often as the inner one is named.

-- Whether a value can be cast, whose text must be of a pattern.
CREATE MACRO bq.main.perennial_is_text(value, pattern, refusal, is_safe) AS list_transform([value], lambda one: CASE
    WHEN typeof(one) <> 'VARCHAR' OR one IS NULL THEN TRUE
    WHEN regexp_full_match(CAST(one AS VARCHAR), pattern) AND NOT starts_with(CAST(one AS VARCHAR), '0000-') THEN TRUE
    WHEN is_safe THEN FALSE
    ELSE error(refusal || CAST(one AS VARCHAR))
END)[1];

CREATE MACRO bq.main.perennial_length(length, function_name, is_safe) AS list_transform([length], lambda one: CASE
    WHEN one < 0 THEN CASE WHEN is_safe THEN NULL ELSE error('The length in ' || function_name || '() cannot be negative') END
    ELSE one
END)[1];

CREATE MACRO bq.main.perennial_is_day(value, is_safe) AS list_transform([value], lambda one: CASE
    WHEN one >= DATE '0001-01-01' AND one < DATE '10000-01-01' OR one IS NULL THEN TRUE
    WHEN is_safe THEN FALSE
    ELSE error('A date out of the range 0001-01-01 to 9999-12-31 causes overflow')
END)[1];

CREATE MACRO bq.main.perennial_is_finite(value, function_name, arguments) AS list_transform([value], lambda result: CASE
    WHEN isinf(result) AND list_bool_and(list_transform(arguments, lambda one: isfinite(CAST(one AS DOUBLE))))
    THEN error('Floating point overflow in function: ' || function_name) ELSE TRUE
END)[1];

-- Microseconds since 1970 as whole units, rounded down.
CREATE MACRO bq.main.perennial_since_epoch(microseconds, unit) AS
list_transform([microseconds], lambda one: (one - ((one % unit) + unit) % unit) // unit)[1];

CREATE MACRO bq.main.perennial_json(value) AS list_transform([value], lambda one: CASE WHEN json_valid(one) THEN one END)[1];
