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

-- name: kept
-- What was measured of the newest versions of which anything was, with the last span that each learned from.
SELECT version, rows_sha256, span, rows, metrics,
       (SELECT CAST(max(known.span) AS date) FROM jsonb_array_elements_text(document -> 'spans') AS known (span)) AS learned
FROM registry.later_metric
  JOIN (
    SELECT model_version_id, snapshot_id, version FROM registry.model_version JOIN registry.model USING (model_id)
    WHERE name = :model AND EXISTS (SELECT FROM registry.later_metric AS known WHERE known.model_version_id = model_version.model_version_id)
    ORDER BY version DESC LIMIT :versions
  ) AS newest USING (model_version_id)
  JOIN registry.dataset_snapshot USING (snapshot_id)
ORDER BY version, span;
