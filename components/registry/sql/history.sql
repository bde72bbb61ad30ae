-- name: versions
SELECT version AS number, variant, run_id, snapshot_id, partition_from, partition_to, git_commit, git_dirty, training_sha256,
       artifact_uri, manifest_sha256, model_version.created_at, verdict.blessed, retirement.model_version_id IS NOT NULL AS retired
FROM registry.model_version
  JOIN registry.model USING (model_id)
  JOIN registry.pipeline_run USING (run_id)
  JOIN registry.dataset_snapshot USING (snapshot_id)
  LEFT JOIN registry.retirement USING (model_version_id)
  LEFT JOIN LATERAL (
    SELECT blessed FROM registry.blessing
    WHERE blessing.model_version_id = model_version.model_version_id
    ORDER BY blessing_id DESC LIMIT 1
  ) AS verdict ON true
WHERE model.name = :model
ORDER BY version;

-- name: overall_metrics
-- Of each version, what the run that made it measured on all examples.
SELECT version AS number, metric_name.name, value
FROM registry.model
  JOIN registry.model_version USING (model_id)
  JOIN registry.evaluation USING (model_version_id, run_id)
  JOIN registry.metric USING (evaluation_id)
  JOIN registry.slice USING (slice_id)
  JOIN registry.metric_name USING (metric_id)
WHERE model.name = :model AND slice_key = ''
ORDER BY version, evaluation_id, metric_name.name;

-- name: version
SELECT version AS number, variant, run_id, snapshot_id, code_sha256, training_sha256, framework, signature,
       artifact_uri, manifest, examples_sha256, training_machine, model_version.created_by, model_version.created_at
FROM registry.model_version
WHERE model_version_id = :model_version_id;
