-- name: insert
INSERT INTO registry.finding_acceptance (model, finding, run_id, measure, until, actor, reason)
VALUES (:model, :finding, :run_id, :measure, :until, :actor, :reason);

-- name: list
SELECT finding, measure, until, actor, reason, created_at
FROM registry.finding_acceptance WHERE model = :model ORDER BY acceptance_id;

-- name: found
-- What the newest run that found it says of each finding that blocked.
SELECT DISTINCT ON (level, check_name, column_name)
  level || '/' || replace(check_name, ' ', '-') || CASE column_name WHEN '' THEN '' ELSE '/' || column_name END AS finding,
  run_id, measure, what, column_name AS "column", waived
FROM registry.finding JOIN registry.pipeline_run USING (run_id)
WHERE model = :model AND severity = 'blocks'
ORDER BY level, check_name, column_name, started_at DESC, run_id DESC;

-- name: waived
-- What versions were trained on in spite of it, by --waive-gate, and through which partition.
SELECT level || '/' || replace(check_name, ' ', '-') || CASE column_name WHEN '' THEN '' ELSE '/' || column_name END AS finding,
  max(measure) AS measure, max(parameters ->> 'through') AS through, max(version) AS version
FROM registry.finding
  JOIN registry.pipeline_run USING (run_id)
  JOIN registry.model_version USING (run_id)
WHERE pipeline_run.model = :model AND severity = 'blocks' AND waived AND parameters ->> 'waive_gate' = 'true'
GROUP BY level, check_name, column_name;
