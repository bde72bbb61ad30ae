-- When each partition of a table was first and last written. DuckLake keeps the parts of a partition's value (year, month, day)
-- in rows of their own; together they are BigQuery's partition id. The parts of a NULL are NULL, which string_agg leaves out.
WITH data_file AS (
    SELECT
        data_file_id, begin_snapshot, end_snapshot,
        coalesce(
            string_agg(
                printf(if(partition_key_index = 0, '%04d', '%02d'), CAST(partition_value AS INTEGER)), '' ORDER BY partition_key_index
            ),
            '__NULL__'
        ) AS partition_id
    FROM {catalogue}.ducklake_data_file
    JOIN {catalogue}.ducklake_file_partition_value USING (data_file_id)
    WHERE ducklake_data_file.table_id = ?
    GROUP BY ALL
),
touching AS (
    SELECT partition_id, unnest([begin_snapshot, end_snapshot]) AS snapshot_id FROM data_file
    UNION ALL
    SELECT partition_id, unnest([d.begin_snapshot, d.partial_max, d.end_snapshot])
    FROM {catalogue}.ducklake_delete_file AS d
    JOIN data_file USING (data_file_id)
)
SELECT partition_id, epoch_ms(min(snapshot_time)), epoch_ms(max(snapshot_time) + INTERVAL 999 MICROSECONDS)
FROM touching
JOIN {catalogue}.ducklake_snapshot USING (snapshot_id)
GROUP BY partition_id
