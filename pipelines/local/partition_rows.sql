-- Rows of every partition of a table.
SELECT partition_id, total_rows
FROM {dataset}.INFORMATION_SCHEMA.PARTITIONS
WHERE table_name = @table AND partition_id IS NOT NULL
