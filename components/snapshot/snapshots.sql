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
ON CONFLICT (run_id, role, snapshot_id) DO NOTHING;

-- name: of_model
-- The snapshots that runs and versions of a model used, in the order in which they were recorded.
SELECT snapshot_id, source_table, snapshot_table, partition_from, partition_to, row_count, created_at,
       COALESCE(document -> 'spans', '[]') AS spans,
       ARRAY(
         SELECT version FROM registry.model_version JOIN registry.model USING (model_id)
         WHERE model_version.snapshot_id = dataset_snapshot.snapshot_id AND name = :model ORDER BY version
       ) AS versions
FROM registry.dataset_snapshot
WHERE snapshot_id IN (
  SELECT snapshot_id FROM registry.run_dataset JOIN registry.pipeline_run USING (run_id) WHERE model = :model
  UNION
  SELECT snapshot_id FROM registry.model_version JOIN registry.model USING (model_id) WHERE name = :model
)
ORDER BY created_at, snapshot_id;

-- name: beginning_with
SELECT snapshot_id FROM registry.dataset_snapshot WHERE starts_with(snapshot_id, :prefix) ORDER BY snapshot_id LIMIT 5;

-- name: recorded_at
SELECT created_at FROM registry.dataset_snapshot WHERE snapshot_id = :snapshot_id;

-- name: versions_of
-- The versions that were trained on a snapshot, and the others that were evaluated on it.
SELECT name AS model, version AS number, model_version.snapshot_id = :snapshot_id AS is_trained_on_it, model_version.created_at,
       ARRAY(
         SELECT target FROM registry.live_deployment
         WHERE live_deployment.model_version_id = model_version.model_version_id ORDER BY target
       ) AS live_on
FROM registry.model_version JOIN registry.model USING (model_id)
WHERE model_version.snapshot_id = :snapshot_id OR model_version_id IN (
  SELECT model_version_id FROM registry.evaluation WHERE evaluation.snapshot_id = :snapshot_id
)
ORDER BY name, version;

-- name: runs_of
SELECT run_id, model, role, state, started_at
FROM registry.run_dataset JOIN registry.pipeline_run USING (run_id)
WHERE snapshot_id = :snapshot_id
ORDER BY started_at, run_id, role;

-- name: table_uses
-- What every model, not only this one, uses the pinned tables of this model's snapshots for: a table is shared by all snapshots
-- of the same rows.
WITH used AS (
  SELECT snapshot_id, run_id, CAST(NULL AS bigint) AS model_id, CAST(NULL AS bigint) AS model_version_id,
         CAST(NULL AS integer) AS version
  FROM registry.run_dataset
  UNION ALL
  SELECT snapshot_id, run_id, model_id, model_version_id, version FROM registry.model_version
), by_model AS (
  SELECT snapshot_table, COALESCE(model.name, pipeline_run.model) AS name, started_at, version, target
  FROM used
    JOIN registry.dataset_snapshot USING (snapshot_id)
    JOIN registry.pipeline_run USING (run_id)
    LEFT JOIN registry.model USING (model_id)
    LEFT JOIN registry.live_deployment USING (model_version_id)
)
SELECT snapshot_table AS table, by_model.name AS model, max(started_at) AS used_at, max(version) AS newest_version,
       next_version - 1 AS latest_version, array_agg(DISTINCT target) FILTER (WHERE target IS NOT NULL) AS live_on
FROM by_model LEFT JOIN registry.model ON model.name = by_model.name
WHERE snapshot_table IN (SELECT snapshot_table FROM by_model WHERE name = :model)
GROUP BY snapshot_table, by_model.name, next_version
ORDER BY min(started_at), snapshot_table, by_model.name;
