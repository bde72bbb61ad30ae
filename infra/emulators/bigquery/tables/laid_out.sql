-- Tables that are partitioned in DuckLake's sense.
SELECT schema_name, table_name
FROM {catalogue}.ducklake_partition_info AS partition_info
JOIN {catalogue}.ducklake_table AS t USING (table_id)
JOIN {catalogue}.ducklake_schema AS s USING (schema_id)
WHERE partition_info.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL
