-- Every dataset with its tables and views; a dataset that has none is one row.
WITH object AS (
    SELECT schema_id, table_name AS name, 'TABLE' AS kind FROM {catalogue}.ducklake_table WHERE end_snapshot IS NULL
    UNION ALL
    SELECT schema_id, view_name, 'VIEW' FROM {catalogue}.ducklake_view WHERE end_snapshot IS NULL
)
SELECT schema_name, name, kind
FROM {catalogue}.ducklake_schema
LEFT JOIN object USING (schema_id)
WHERE end_snapshot IS NULL
ORDER BY ALL
