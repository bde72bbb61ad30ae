-- How many rows have no date. BigQuery keeps them in a partition of their own, so that nothing else is read.
SELECT COUNT(*) FROM {table} WHERE {partition_field} IS NULL
