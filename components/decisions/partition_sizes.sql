-- Rows of every partition of a table, and when it was changed last; it reads no rows of the table. The clock is BigQuery's own.
SELECT partition_id, total_rows, last_modified_time, CURRENT_TIMESTAMP() AS present
FROM {dataset}.INFORMATION_SCHEMA.PARTITIONS
WHERE table_name = @table AND partition_id IS NOT NULL
