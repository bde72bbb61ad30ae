-- The days that have rows, and how many, of a table whose partitions are longer: BigQuery reads one column of it.
SELECT {day} AS day, COUNT(*) AS row_count
FROM {table}
WHERE {condition}
GROUP BY 1
ORDER BY 1
