-- The newest snapshot that touched a table: its making, its columns, its data files, its deleted rows. The time is rounded up to
-- whole milliseconds, which is all that BigQuery shows, so that the table as of that time is the table with that change.
WITH found AS (
    SELECT table_id, ducklake_table.begin_snapshot
    FROM {catalogue}.ducklake_table
    JOIN {catalogue}.ducklake_schema USING (schema_id)
    WHERE schema_name = ? AND table_name = ?
        AND ducklake_table.end_snapshot IS NULL AND ducklake_schema.end_snapshot IS NULL
),
touching AS (
    SELECT begin_snapshot AS snapshot_id FROM found
    UNION ALL
    SELECT unnest([begin_snapshot, end_snapshot]) FROM {catalogue}.ducklake_column SEMI JOIN found USING (table_id)
    UNION ALL
    SELECT unnest([begin_snapshot, end_snapshot]) FROM {catalogue}.ducklake_data_file SEMI JOIN found USING (table_id)
    UNION ALL
    SELECT unnest([begin_snapshot, partial_max, end_snapshot]) FROM {catalogue}.ducklake_delete_file SEMI JOIN found USING (table_id)
)
SELECT
    table_id,
    snapshot_id,
    epoch_ms(snapshot_time + INTERVAL 999 MICROSECONDS),
    table_id IN (SELECT table_id FROM {catalogue}.ducklake_data_file WHERE end_snapshot IS NULL)
FROM found
CROSS JOIN (SELECT max(snapshot_id) AS snapshot_id FROM touching)
JOIN {catalogue}.ducklake_snapshot USING (snapshot_id)
