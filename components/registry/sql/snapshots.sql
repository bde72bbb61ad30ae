-- name: insert
INSERT INTO registry.dataset_snapshot (
  snapshot_id, document, source_table, snapshot_table, partition_field, partition_from, partition_to,
  query_sha256, row_count, schema_fingerprint, content_checksum
) VALUES (
  :snapshot_id, CAST(:document AS jsonb), :source_table, :snapshot_table, :partition_field, :partition_from, :partition_to,
  :query_sha256, :row_count, :schema_fingerprint, :content_checksum
)
ON CONFLICT (snapshot_id) DO NOTHING;

-- name: read
SELECT snapshot_id, document, source_table, snapshot_table, partition_field, partition_from, partition_to,
       query_sha256, row_count, schema_fingerprint, content_checksum
FROM registry.dataset_snapshot WHERE snapshot_id = :snapshot_id;

-- name: link_run
INSERT INTO registry.run_dataset (run_id, role, snapshot_id) VALUES (:run_id, :role, :snapshot_id)
ON CONFLICT DO NOTHING;
