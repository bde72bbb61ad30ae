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

-- What follows names its argument as seldom as it can: of calls within calls, the inner one is there as often as that, each time.
-- Yet no lambda takes it, since DuckDB computes none beforehand: a query of days that are computed would read all partitions.

-- Whether a value can be cast, whose text must be of a pattern.
CREATE MACRO bq.main.perennial_is_text(value, pattern, refusal, is_safe) AS CASE
    WHEN COALESCE(typeof(value) <> 'VARCHAR' OR regexp_full_match(CAST(value AS VARCHAR), pattern), TRUE) THEN TRUE
    WHEN is_safe THEN FALSE
    ELSE error(refusal || CAST(value AS VARCHAR))
END;

CREATE MACRO bq.main.perennial_length(length, function_name, is_safe) AS CASE
    WHEN length < 0 THEN CASE WHEN is_safe THEN NULL ELSE error('The length in ' || function_name || '() cannot be negative') END
    ELSE length
END;

CREATE MACRO bq.main.perennial_is_day(value, is_safe) AS CASE
    WHEN COALESCE(value BETWEEN TIMESTAMP '0001-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999', TRUE) THEN TRUE
    WHEN is_safe THEN FALSE
    ELSE error('A date out of the range 0001-01-01 to 9999-12-31 causes overflow')
END;

CREATE MACRO bq.main.perennial_is_finite(value, function_name, arguments) AS CASE
    WHEN isinf(value) AND list_bool_and(list_transform(arguments, lambda one: isfinite(CAST(one AS DOUBLE))))
    THEN error('Floating point overflow in function: ' || function_name) ELSE TRUE
END;

-- Microseconds since 1970 as whole units, rounded down.
CREATE MACRO bq.main.perennial_since_epoch(microseconds, unit) AS
microseconds // unit - CASE WHEN microseconds % unit < 0 THEN 1 ELSE 0 END;

CREATE MACRO bq.main.perennial_json(value) AS CASE WHEN json_valid(value) THEN value END;
