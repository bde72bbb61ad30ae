-- CAST(value AS BYTES): text as UTF-8, where DuckDB takes it for escapes.
CREATE MACRO bq.main.perennial_bytes(value, cast_by_duckdb) AS
CASE WHEN typeof(value) = 'VARCHAR' THEN encode(CAST(value AS VARCHAR)) ELSE cast_by_duckdb END;

-- How CAST(value AS STRING) shows a value, given how DuckDB does: no zeros at the end of a decimal number, three or six digits of the
-- fraction of a second, and 15 or 17 digits of a floating-point number, whichever are enough.
CREATE MACRO bq.main.perennial_text(value, shown) AS CASE
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
