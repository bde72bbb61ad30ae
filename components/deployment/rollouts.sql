-- name: insert
INSERT INTO registry.rollout_step (decision_id, target, seq, version, stage, share, reason, actor)
VALUES (:decision_id, :target, :seq, :version, :stage, :share, :reason, :actor)
ON CONFLICT DO NOTHING;

-- name: open
-- The newest rollout of a model on each target, by its last step, if it is not at its end.
SELECT * FROM (
  SELECT DISTINCT ON (step.target) decision_id, step.target, step.seq, version, stage, share, step.reason, step.created_at,
         (SELECT min(created_at) FROM registry.rollout_step AS first WHERE (first.decision_id, first.target) = (step.decision_id, step.target)) AS begun_at
  FROM registry.rollout_step AS step JOIN registry.decision USING (decision_id)
  WHERE model = :model
  ORDER BY step.target, decision_id DESC, step.seq DESC
) AS last
WHERE stage IN ('shadow', 'canary')
ORDER BY target;

-- name: shares
-- Which version each model rolls out on a target, or did last, and the percentage of the keys that it answers as a canary: none once it is
-- live. What a person has deployed since on the target of its canaries is no step of it.
SELECT model, version, share
FROM (
  SELECT DISTINCT ON (model) model, version, CASE stage WHEN 'canary' THEN share ELSE 0 END AS share, step.created_at
  FROM registry.rollout_step AS step JOIN registry.decision USING (decision_id)
  WHERE step.target = :target
  ORDER BY model, decision_id DESC, step.seq DESC
) AS last
WHERE NOT EXISTS (
  SELECT FROM registry.deployment_event AS event JOIN registry.model USING (model_id)
  WHERE model.name = last.model AND event.target = :beside AND event.created_at > last.created_at
    AND NOT starts_with(event.request_id, :by_policy)
)
ORDER BY model;

-- name: verdict
SELECT verdict, sentence FROM registry.served_verdict WHERE (decision_id, target, measured) = (:decision_id, :target, :measured);

-- name: insert_verdict
INSERT INTO registry.served_verdict (decision_id, target, measured, verdict, sentence)
VALUES (:decision_id, :target, :measured, :verdict, :sentence)
ON CONFLICT DO NOTHING;
