-- name: own
SELECT through FROM registry.window_claim WHERE run_id = :run_id;

-- name: windows
-- Each window with its last attempt, and whether it is trained or being trained, by whoever asked for it.
SELECT through, max(attempt) AS attempt, bool_or(state NOT IN ('FAILED', 'CANCELLED')) AS taken
FROM (
  SELECT through, attempt, state FROM registry.window_claim JOIN registry.pipeline_run USING (run_id) WHERE window_claim.model = :model
  UNION ALL
  SELECT CAST(parameters ->> 'through' AS date), 0, state FROM registry.pipeline_run
  WHERE model = :model AND pipeline_name = 'training' AND parameters ->> 'through' ~ '^\d{4}-\d\d-\d\d$'
) AS known
GROUP BY through;

-- name: insert
INSERT INTO registry.window_claim (model, through, attempt, schedule, run_id) VALUES (:model, :through, :attempt, :schedule, :run_id)
ON CONFLICT (model, through, attempt) DO NOTHING;
