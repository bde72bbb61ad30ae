-- name: insert
INSERT INTO registry.evaluation (model_version_id, snapshot_id, run_id, config_sha256, split, report_uri)
VALUES (:model_version_id, :snapshot_id, :run_id, :config_sha256, :split, :report_uri)
ON CONFLICT DO NOTHING
RETURNING evaluation_id;

-- name: find
SELECT evaluation_id FROM registry.evaluation
WHERE model_version_id = :model_version_id AND snapshot_id = :snapshot_id AND run_id = :run_id AND config_sha256 = :config_sha256
  AND split = :split;

-- name: insert_names
-- Sorted, so that two writers never wait for each other.
INSERT INTO registry.metric_name (name)
SELECT DISTINCT name FROM jsonb_to_recordset(CAST(:metrics AS jsonb)) AS metric (name text) ORDER BY name
ON CONFLICT (name) DO NOTHING;

-- name: insert_slices
INSERT INTO registry.slice (slice_key, features)
SELECT DISTINCT slice_key, slice FROM jsonb_to_recordset(CAST(:metrics AS jsonb)) AS metric (slice_key text, slice jsonb) ORDER BY slice_key
ON CONFLICT (slice_key) DO NOTHING;

-- name: insert_metrics
INSERT INTO registry.metric (evaluation_id, metric_id, slice_id, value, ci_low, ci_high, example_count)
SELECT :evaluation_id, metric_id, slice_id, value, ci_low, ci_high, example_count
FROM jsonb_to_recordset(CAST(:metrics AS jsonb)) AS metric (
    name text, slice_key text, value double precision, ci_low double precision, ci_high double precision, example_count bigint
  )
  JOIN registry.metric_name USING (name)
  JOIN registry.slice USING (slice_key);

-- name: read
-- Metrics are JSON, of which a thousand are read ten times as fast as rows; NaN and infinity are texts there.
SELECT snapshot_id, run_id, config_sha256, split, report_uri,
       (SELECT json_agg(json_build_array(name, features, value, ci_low, ci_high, example_count) ORDER BY name, slice_key)
        FROM registry.metric JOIN registry.metric_name USING (metric_id) JOIN registry.slice USING (slice_id)
        WHERE metric.evaluation_id = evaluation.evaluation_id) AS metrics
FROM registry.evaluation
WHERE evaluation_id = :evaluation_id;

-- name: insert_blessing
INSERT INTO registry.blessing (model_version_id, baseline_id, run_id, policy_sha256, blessed, checks, notes, decided_by)
VALUES (
  :model_version_id, :baseline_id, :run_id, :policy_sha256, :blessed, CAST(:checks AS jsonb), CAST(:notes AS jsonb), :decided_by
)
ON CONFLICT DO NOTHING;

-- name: find_blessing
SELECT baseline.version AS baseline_version, blessed, checks, notes, decided_by
FROM registry.blessing LEFT JOIN registry.model_version AS baseline ON baseline.model_version_id = baseline_id
WHERE blessing.model_version_id = :model_version_id AND blessing.run_id = :run_id AND policy_sha256 = :policy_sha256;
