-- The days that have rows, of a table whose partitions are longer: BigQuery reads one column of it.
SELECT DISTINCT {day} AS day
FROM {table}
WHERE {condition}
ORDER BY 1
