-- name: read
SELECT version, rows_sha256, span, rows, metrics
FROM registry.later_metric
  JOIN registry.model_version USING (model_version_id)
  JOIN registry.model USING (model_id)
WHERE name = :model;

-- name: insert
INSERT INTO registry.later_metric (model_version_id, rows_sha256, span, rows, metrics)
VALUES (:model_version_id, :rows_sha256, :span, :rows, CAST(:metrics AS jsonb))
ON CONFLICT DO NOTHING;
