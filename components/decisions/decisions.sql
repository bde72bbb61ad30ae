-- name: now
SELECT clock_timestamp();

-- name: last
SELECT wanted.model, seq, subject
FROM unnest(CAST(:models AS text[])) AS wanted (model)
  CROSS JOIN LATERAL (SELECT seq, subject FROM registry.decision WHERE decision.model = wanted.model ORDER BY seq DESC LIMIT 1) AS last;

-- name: crowded
-- Models whose trainings waited for room when they were looked at last, with what asks for the one that waits, the longest wait first.
SELECT wanted.model, reasons -> 0 ->> 'kind' AS kind
FROM unnest(CAST(:models AS text[])) AS wanted (model)
  CROSS JOIN LATERAL (
    SELECT rule, reasons, decision_id FROM registry.decision WHERE decision.model = wanted.model ORDER BY seq DESC LIMIT 1
  ) AS last
WHERE rule = :rule
ORDER BY decision_id;

-- name: insert
INSERT INTO registry.decision (model, seq, verdict, rule, reason, trigger, through, target, reasons, subject, facts, policy, actor)
VALUES (
  :model, :seq, :verdict, :rule, :reason, :trigger, :through, :target, CAST(:reasons AS jsonb), :subject, CAST(:facts AS jsonb),
  CAST(:policy AS jsonb), :actor
)
ON CONFLICT (model, seq) DO NOTHING
RETURNING decision_id;

-- name: list
-- The newest first, each with its claims and what came of it.
SELECT decision_id, model, seq, verdict, rule, reason, trigger, through, target, reasons, facts, policy, actor, created_at,
       COALESCE((
         SELECT json_agg(json_build_object('attempt', attempt, 'run_id', run_id, 'host', host, 'created_at', decision_claim.created_at) ORDER BY attempt)
         FROM registry.decision_claim WHERE decision_claim.decision_id = decision.decision_id
       ), '[]') AS claims,
       COALESCE((
         SELECT json_agg(json_build_object(
           'kind', kind, 'subject', outcome.subject, 'result', result, 'sentence', sentence, 'version', version, 'actor', outcome.actor,
           'created_at', outcome.created_at
         ) ORDER BY outcome.created_at, kind, outcome.subject)
         FROM registry.decision_outcome AS outcome WHERE outcome.decision_id = decision.decision_id
       ), '[]') AS outcomes
FROM registry.decision
WHERE (CAST(:model AS text) IS NULL OR model = CAST(:model AS text))
  AND (CAST(:decision_id AS bigint) IS NULL OR decision_id = CAST(:decision_id AS bigint))
  AND (CAST(:since AS timestamptz) IS NULL OR created_at >= CAST(:since AS timestamptz))
ORDER BY decision_id DESC
LIMIT CAST(:limit AS bigint);

-- name: open
-- Trainings and rollbacks that are not at their end, the oldest first.
SELECT decision_id FROM registry.decision
WHERE model = :model AND verdict IN ('train', 'roll back') AND NOT EXISTS (
  SELECT FROM registry.decision_outcome AS outcome
  WHERE outcome.decision_id = decision.decision_id AND kind = CASE verdict WHEN 'train' THEN 'training' ELSE 'rollback' END
)
ORDER BY seq;

-- name: without_effect
-- What was deployed, rolled back or left to be mended in the last year, and of which nobody knows yet what came of it. Steps on the way to a
-- target have no effect of their own: monitoring tells the version there from the live one.
SELECT decision_id, outcome.subject
FROM registry.decision JOIN registry.decision_outcome AS outcome USING (decision_id)
WHERE model = :model AND verdict = 'train' AND kind = 'deployment' AND result = 'done' AND decision.created_at > now() - INTERVAL '1 year'
  AND NOT EXISTS (
    SELECT FROM registry.decision_outcome AS effect
    WHERE effect.decision_id = decision.decision_id AND effect.kind = 'effect' AND effect.subject = outcome.subject
  )
  AND NOT EXISTS (
    SELECT FROM registry.rollout_step AS step
    WHERE step.decision_id = decision.decision_id AND starts_with(outcome.subject || ' ', step.target || '-' || step.stage || ' ')
  )
UNION ALL
SELECT decision_id, target
FROM registry.decision JOIN registry.decision_outcome AS outcome USING (decision_id)
WHERE model = :model AND kind = 'rollback' AND result = 'done' AND decision.created_at > now() - INTERVAL '1 year'
  AND NOT EXISTS (SELECT FROM registry.decision_outcome AS effect WHERE effect.decision_id = decision.decision_id AND effect.kind = 'effect')
UNION ALL
SELECT decision_id, ''
FROM registry.decision
WHERE model = :model AND verdict = 'mend' AND created_at > now() - INTERVAL '1 year'
  AND NOT EXISTS (SELECT FROM registry.decision_outcome AS effect WHERE effect.decision_id = decision.decision_id AND effect.kind = 'effect')
ORDER BY 1;

-- name: comparison
SELECT changed FROM registry.partition_comparison WHERE model = :model AND written = :written;

-- name: insert_comparison
INSERT INTO registry.partition_comparison (model, written, changed) VALUES (:model, :written, :changed) ON CONFLICT DO NOTHING;

-- name: running
SELECT run_id FROM registry.pipeline_run WHERE model = :model AND pipeline_name = 'training' AND state = 'RUNNING' ORDER BY run_id;

-- name: lock_claims
-- Whoever claims counts what is under way before: one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('perennial claims', 0));

-- name: model_of
SELECT model FROM registry.decision WHERE decision_id = :decision_id;

-- name: under_way
-- Runs that go on, and claims of the last day whose run has not begun; not what nobody has ended for a week: nobody looks after it any more.
SELECT run_id, model FROM registry.pipeline_run
WHERE pipeline_name = 'training' AND state = 'RUNNING' AND started_at > now() - interval '7 days'
UNION
SELECT claim.run_id, decision.model
FROM registry.decision_claim AS claim JOIN registry.decision USING (decision_id)
WHERE verdict = 'train' AND claim.created_at > now() - interval '1 day'
  AND NOT EXISTS (SELECT FROM registry.pipeline_run AS run WHERE run.run_id = claim.run_id)
  AND NOT EXISTS (SELECT FROM registry.decision_claim AS later WHERE later.decision_id = claim.decision_id AND later.attempt > claim.attempt)
  AND NOT EXISTS (
    SELECT FROM registry.decision_outcome AS outcome WHERE outcome.decision_id = claim.decision_id AND kind = 'training'
  )
ORDER BY run_id;

-- name: insert_claim
INSERT INTO registry.decision_claim (decision_id, attempt, run_id, host) VALUES (:decision_id, :attempt, :run_id, :host)
ON CONFLICT DO NOTHING;

-- name: insert_measurement
-- A measurement begins. Whoever calls holds the model's lock.
INSERT INTO registry.decision_claim (decision_id, attempt, run_id, host)
SELECT decision_id, attempt, model || '-measurement-' || decision_id || '-' || attempt, :host
FROM registry.decision
  CROSS JOIN LATERAL (
    SELECT COALESCE(max(attempt), 0) + 1 AS attempt FROM registry.decision_claim AS claim WHERE claim.decision_id = decision.decision_id
  ) AS next
WHERE decision_id = :decision_id;

-- name: insert_outcome
INSERT INTO registry.decision_outcome (decision_id, kind, subject, result, sentence, version, actor)
VALUES (:decision_id, :kind, :subject, :result, :sentence, :version, :actor)
ON CONFLICT DO NOTHING;

-- name: reasons
-- For each key of a reason: whether a training for it was carried out, or a rollback refused, and how many trainings failed.
-- A decision that was withdrawn has answered nothing.
SELECT model, item ->> 'key' AS key, bool_or(result NOT IN ('failed', 'cancelled', 'withdrawn')) AS answered,
       count(*) FILTER (WHERE result IN ('failed', 'cancelled')) AS failures
FROM registry.decision
  JOIN registry.decision_outcome USING (decision_id)
  CROSS JOIN jsonb_array_elements(reasons) AS asked (item)
WHERE model = ANY(CAST(:models AS text[]))
  AND (
    verdict = 'train' AND kind = 'training' OR verdict = 'measure' AND kind = 'measurement'
    OR verdict = 'roll back' AND kind = 'rollback' AND result = 'refused'
  )
GROUP BY 1, 2;

-- name: measured
-- Decisions to measure how fast versions age: those of the last two days, and those that are not at their end.
SELECT model, reasons -> 0 ->> 'key' AS key, created_at, COALESCE(CAST(facts ->> 'training_bytes' AS bigint), 0) AS bytes_read, is_open,
       COALESCE((
         SELECT array_agg(claim.created_at ORDER BY attempt) FROM registry.decision_claim AS claim WHERE claim.decision_id = decision.decision_id
       ), '{}') AS begun
FROM registry.decision
  CROSS JOIN LATERAL (
    SELECT NOT EXISTS (
      SELECT FROM registry.decision_outcome AS outcome WHERE outcome.decision_id = decision.decision_id AND kind = 'measurement'
    ) AS is_open
  ) AS state
WHERE model = ANY(CAST(:models AS text[])) AND verdict = 'measure' AND (is_open OR created_at > now() - INTERVAL '2 days')
ORDER BY decision_id;

-- name: to_measure
-- Measurements of any model that are not at their end: those that were begun least often first, then the oldest.
SELECT decision_id, model FROM registry.decision
WHERE verdict = 'measure' AND NOT EXISTS (
  SELECT FROM registry.decision_outcome AS outcome WHERE outcome.decision_id = decision.decision_id AND kind = 'measurement'
)
ORDER BY (SELECT count(*) FROM registry.decision_claim AS claim WHERE claim.decision_id = decision.decision_id), decision_id;

-- name: runs
-- The last trainings of models, whoever asked for them.
SELECT wanted.model, run.run_id, started_at, GREATEST(extract(epoch FROM COALESCE(finished_at, now()) - started_at), 0) AS seconds, state, run.through,
       COALESCE(CAST(facts ->> 'training_bytes' AS bigint), 0) AS bytes_read
FROM unnest(CAST(:models AS text[])) AS wanted (model)
  CROSS JOIN LATERAL (
    SELECT run_id, started_at, finished_at, state, parameters ->> 'through' AS through FROM registry.pipeline_run
    WHERE pipeline_run.model = wanted.model AND pipeline_name = 'training'
    ORDER BY started_at DESC LIMIT :most
  ) AS run
  LEFT JOIN registry.decision_claim USING (run_id)
  LEFT JOIN registry.decision USING (decision_id)
ORDER BY wanted.model, started_at DESC;

-- name: usual_seconds
-- The median of the last trainings that gave a version.
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM (
  SELECT extract(epoch FROM finished_at - started_at) AS seconds FROM registry.pipeline_run
  WHERE model = :model AND pipeline_name = 'training' AND state = 'SUCCEEDED'
  ORDER BY started_at DESC LIMIT 20
) AS last;

-- name: trained
-- What the newest of the last twenty versions of each model was made of that passed both gates and that nobody retired, the newest of all
-- if there is none; and the code of the newest of all. One that was rolled back counts: people look at it before the next one goes live.
SELECT name AS model, good.version, document, run.started_at, newest.version AS newest, newest.artifact_uri, newest.manifest,
       coded.environment_digest, coded.pipeline_version
FROM registry.model
  CROSS JOIN LATERAL (
    SELECT * FROM registry.model_version WHERE model_version.model_id = model.model_id ORDER BY version DESC LIMIT 1
  ) AS newest
  CROSS JOIN LATERAL (
    SELECT * FROM (
      SELECT * FROM registry.model_version WHERE model_version.model_id = model.model_id ORDER BY version DESC LIMIT 20
    ) AS one
    ORDER BY COALESCE((
               SELECT blessed FROM registry.blessing
               WHERE blessing.model_version_id = one.model_version_id
               ORDER BY blessing_id DESC LIMIT 1
             ), false)
             AND NOT EXISTS (SELECT FROM registry.retirement WHERE retirement.model_version_id = one.model_version_id) DESC, version DESC
    LIMIT 1
  ) AS good
  JOIN registry.pipeline_run AS run ON run.run_id = good.run_id
  JOIN registry.pipeline_run AS coded ON coded.run_id = newest.run_id
  JOIN registry.dataset_snapshot ON dataset_snapshot.snapshot_id = good.snapshot_id
WHERE name = ANY(CAST(:models AS text[]));

-- name: live
SELECT name AS model, target, version, live_deployment.created_at, request_id
FROM registry.live_deployment
  JOIN registry.model_version USING (model_version_id)
  JOIN registry.model ON model.model_id = live_deployment.model_id
WHERE name = ANY(CAST(:models AS text[]))
ORDER BY target;

-- name: orders
SELECT DISTINCT ON (model) model, action, actor, reason, created_at
FROM registry.standing_order WHERE model = ANY(CAST(:models AS text[]))
ORDER BY model, order_id DESC;

-- name: busy
-- Models of which more is to be seen than how they stand: an alarm, a step, a decision or a training that is not at its end, or what came of
-- one that can be told by now.
SELECT name AS model
FROM registry.alarm
  JOIN registry.model_version USING (model_version_id)
  JOIN registry.model USING (model_id)
  JOIN LATERAL (SELECT state FROM registry.alarm_event WHERE alarm_event.alarm_id = alarm.alarm_id ORDER BY seq DESC LIMIT 1) AS last ON true
WHERE state <> 'closed'
UNION
SELECT model FROM (
  SELECT DISTINCT ON (model, step.target) model, stage
  FROM registry.rollout_step AS step JOIN registry.decision USING (decision_id)
  ORDER BY model, step.target, decision_id DESC, step.seq DESC
) AS last
WHERE stage IN ('shadow', 'canary')
UNION
SELECT model FROM registry.pipeline_run WHERE pipeline_name = 'training' AND state = 'RUNNING'
UNION
SELECT model FROM registry.decision
WHERE verdict IN ('train', 'roll back') AND NOT EXISTS (
  SELECT FROM registry.decision_outcome AS outcome
  WHERE outcome.decision_id = decision.decision_id AND kind = CASE verdict WHEN 'train' THEN 'training' ELSE 'rollback' END
)
UNION
SELECT model FROM registry.decision
WHERE created_at > now() - INTERVAL '1 year'
  AND NOT EXISTS (SELECT FROM registry.decision_outcome AS effect WHERE effect.decision_id = decision.decision_id AND kind = 'effect')
  AND CASE verdict WHEN 'mend' THEN true ELSE EXISTS (
    SELECT FROM registry.decision_outcome AS outcome
      JOIN registry.model ON model.name = decision.model
      JOIN registry.model_version USING (model_id, version)
      JOIN registry.live_day USING (model_version_id)
    WHERE outcome.decision_id = decision.decision_id AND kind IN ('deployment', 'rollback') AND result = 'done'
      AND role = 'live' AND live_day.state = 'settled'
  ) END;

-- name: insert_order
INSERT INTO registry.standing_order (model, action, actor, reason) VALUES (:model, :action, :actor, :reason);

-- name: requests
SELECT wanted.model, source, event_id, actor, reason
FROM unnest(CAST(:models AS text[])) AS wanted (model)
  CROSS JOIN LATERAL (
    SELECT * FROM registry.training_request WHERE training_request.model = wanted.model ORDER BY created_at DESC LIMIT :most
  ) AS request
ORDER BY wanted.model, created_at DESC;

-- name: insert_request
INSERT INTO registry.training_request (source, event_id, model, actor, reason) VALUES (:source, :event_id, :model, :actor, :reason)
ON CONFLICT (source, event_id) DO NOTHING;

-- name: request_of
SELECT model FROM registry.training_request WHERE source = :source AND event_id = :event_id;

-- name: hold
-- The last rollback by policy on a target, unless a person has deployed there, or has resumed the model, since.
SELECT decision.decision_id
FROM registry.decision JOIN registry.decision_outcome AS outcome USING (decision_id)
WHERE model = :model AND kind = 'rollback' AND result = 'done' AND target = :target
  AND NOT EXISTS (
    SELECT FROM registry.standing_order AS ordered
    WHERE ordered.model = decision.model AND ordered.action = 'resume' AND ordered.created_at > outcome.created_at
  )
  AND NOT EXISTS (
    SELECT FROM registry.deployment_event AS event JOIN registry.model USING (model_id)
    WHERE model.name = decision.model AND event.target = decision.target AND event.created_at > outcome.created_at
      AND NOT starts_with(event.request_id, 'policy:')
  )
ORDER BY decision_id DESC
LIMIT 1;
