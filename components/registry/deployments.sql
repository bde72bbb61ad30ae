-- name: lock_target
-- Whoever holds this lock, until their transaction ends, alone changes what the target serves.
SELECT pg_advisory_xact_lock(hashtextextended('perennial target ' || :target, 0));

-- name: lock_target_and_share_model
-- And while anybody holds the second lock nobody retires a version of the model.
SELECT pg_advisory_xact_lock(hashtextextended('perennial target ' || :target, 0)),
       pg_advisory_xact_lock_shared(hashtextextended('perennial model ' || :model, 0));

-- name: lock_model
SELECT pg_advisory_xact_lock(hashtextextended('perennial model ' || :model, 0));

-- name: candidate
SELECT model_version_id, artifact_uri, manifest, verdict.blessed, git_commit, git_dirty,
       COALESCE(parameters ->> 'waive_gate' = 'true', false) AS waived,
       EXISTS (SELECT FROM registry.deployment_event AS event WHERE event.model_version_id = model_version.model_version_id AND forced) AS forced,
       retirement.created_at AS retired_at, retirement.actor AS retired_by, retirement.reason AS retired_because
FROM registry.model
  JOIN registry.model_version USING (model_id)
  JOIN registry.pipeline_run USING (run_id)
  LEFT JOIN registry.retirement USING (model_version_id)
  LEFT JOIN LATERAL (
    SELECT blessed FROM registry.blessing
    WHERE blessing.model_version_id = model_version.model_version_id
    ORDER BY blessing_id DESC LIMIT 1
  ) AS verdict ON true
WHERE model.name = :model AND version = CAST(:number AS bigint);

-- name: insert
INSERT INTO registry.deployment_event (
  model_id, target, seq, action, model_version_id, rolls_back_to, forced, smoke, request_id, actor, reason
)
SELECT model_id, :target, :seq, :action, model_version_id, :rolls_back_to, :forced, CAST(:smoke AS jsonb), :request_id, :actor, :reason
FROM registry.model_version WHERE model_version_id = :model_version_id
ON CONFLICT DO NOTHING;

-- name: history
-- The newest first.
SELECT model.name AS model, target, seq, action, version, rolls_back_to, forced, smoke, request_id, actor, reason, deployment_event.created_at
FROM registry.model
  JOIN registry.deployment_event USING (model_id)
  LEFT JOIN registry.model_version USING (model_version_id)
WHERE model.name = :model AND (CAST(:target AS text) IS NULL OR target = CAST(:target AS text))
ORDER BY event_id DESC
LIMIT CAST(:limit AS bigint);

-- name: of_request
SELECT model.name AS model, target, seq, action, version, rolls_back_to, forced, smoke, request_id, actor, reason, deployment_event.created_at
FROM registry.deployment_event
  JOIN registry.model USING (model_id)
  LEFT JOIN registry.model_version USING (model_version_id)
WHERE request_id = :request_id;

-- name: live_on_target
SELECT model.name AS model, version
FROM registry.live_deployment
  JOIN registry.model USING (model_id)
  JOIN registry.model_version USING (model_version_id)
WHERE target = :target
ORDER BY model.name;

-- name: live_of_model
SELECT target, version
FROM registry.live_deployment
  JOIN registry.model_version USING (model_version_id)
WHERE live_deployment.model_id = (SELECT model_id FROM registry.model WHERE name = :model)
ORDER BY target;

-- name: versions_before
SELECT target, seq, lag(version) OVER (PARTITION BY target ORDER BY seq) AS version
FROM registry.deployment_event
  LEFT JOIN registry.model_version USING (model_version_id)
WHERE deployment_event.model_id = (SELECT model_id FROM registry.model WHERE name = :model);

-- name: models
SELECT model.name, next_version - 1 AS latest, model.created_at, newest.created_at AS latest_at, COALESCE(live.versions, '{}') AS live
FROM registry.model
  LEFT JOIN registry.model_version AS newest ON newest.model_id = model.model_id AND newest.version = next_version - 1
  LEFT JOIN (
    SELECT live_deployment.model_id, jsonb_object_agg(target, version) AS versions
    FROM registry.live_deployment JOIN registry.model_version USING (model_version_id)
    GROUP BY live_deployment.model_id
  ) AS live ON live.model_id = model.model_id
ORDER BY model.name;

-- name: retire
INSERT INTO registry.retirement (model_version_id, actor, reason) VALUES (:model_version_id, :actor, :reason)
ON CONFLICT DO NOTHING;

-- name: retired
SELECT version, actor, reason, retirement.created_at
FROM registry.retirement
  JOIN registry.model_version USING (model_version_id)
  JOIN registry.model USING (model_id)
WHERE model.name = :model
ORDER BY version;
