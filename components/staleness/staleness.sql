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

-- name: insert_ageing
-- What was measured last, unless it says the same.
INSERT INTO registry.ageing (model, metric, ages, losses)
SELECT CAST(:model AS text), CAST(:metric AS text), CAST(:ages AS integer[]), CAST(:losses AS double precision[])
WHERE NOT EXISTS (
  SELECT FROM (
    SELECT ages, losses FROM registry.ageing
    WHERE model = CAST(:model AS text) AND metric = CAST(:metric AS text)
    ORDER BY ageing_id DESC LIMIT 1
  ) AS last
  WHERE ages = CAST(:ages AS integer[]) AND losses = CAST(:losses AS double precision[])
);

-- name: ageing
SELECT wanted.model, metric, ages, losses
FROM unnest(CAST(:models AS text[])) AS wanted (model)
  CROSS JOIN LATERAL (
    SELECT DISTINCT ON (metric) metric, ages, losses FROM registry.ageing
    WHERE ageing.model = wanted.model
    ORDER BY metric, ageing_id DESC
  ) AS last;
