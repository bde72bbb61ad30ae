-- Columns of a table that may not be NULL.
SELECT column_name
FROM {catalogue}.ducklake_column AS c
JOIN {catalogue}.ducklake_table AS t USING (table_id)
JOIN {catalogue}.ducklake_schema AS s USING (schema_id)
WHERE schema_name = ? AND table_name = ? AND NOT nulls_allowed AND parent_column IS NULL
    AND c.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL
