-- name: versions
-- A page, in the order of model and number, from where the last one ended.
SELECT model.name AS model, version AS number, run_id, artifact_uri, manifest, model_version.created_at,
       retirement.model_version_id IS NOT NULL AS retired,
       EXISTS (SELECT FROM registry.deployment_event AS event WHERE event.model_version_id = model_version.model_version_id) AS deployed,
       (SELECT blessed FROM registry.blessing WHERE blessing.model_version_id = model_version.model_version_id
        ORDER BY blessing_id DESC LIMIT 1) IS FALSE AS refused,
       model_version.model_version_id IN (SELECT model_version_id FROM registry.live_deployment) AS live
FROM registry.model_version
  JOIN registry.model USING (model_id)
  LEFT JOIN registry.retirement USING (model_version_id)
WHERE (model.name, version) > (CAST(:after_model AS text), CAST(:after AS bigint))
  AND (CAST(:model AS text) IS NULL OR model.name = CAST(:model AS text))
  AND (CAST(:number AS bigint) IS NULL OR version = CAST(:number AS bigint))
ORDER BY model.name, version
LIMIT CAST(:count AS bigint);

-- name: count
SELECT count(*) FROM registry.model_version JOIN registry.model USING (model_id)
WHERE (CAST(:model AS text) IS NULL OR name = CAST(:model AS text))
  AND (CAST(:number AS bigint) IS NULL OR version = CAST(:number AS bigint));

-- name: known_uris
SELECT DISTINCT artifact_uri FROM registry.model_version WHERE artifact_uri = ANY(CAST(:uris AS text[]));

-- name: unpublished
-- TensorFlow Serving loads the newest version that is published: one that was refused is only published by a deployment.
SELECT version AS number, run_id, artifact_uri
FROM registry.model_version
  JOIN registry.model USING (model_id)
  LEFT JOIN registry.retirement USING (model_version_id)
WHERE model.name = :model AND retirement.model_version_id IS NULL AND version <> ALL(CAST(:published AS integer[]))
  AND (SELECT blessed FROM registry.blessing WHERE blessing.model_version_id = model_version.model_version_id
       ORDER BY blessing_id DESC LIMIT 1) IS NOT FALSE
ORDER BY version DESC;

-- name: now
SELECT now();
