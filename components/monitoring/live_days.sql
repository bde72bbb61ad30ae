-- name: last
-- The last measurement of each day of a model on each target, or on one, the oldest day first. Metrics are JSON, where NaN and infinity
-- are texts; only those of last measurements are put together.
WITH last AS (
  SELECT DISTINCT ON (day, version, role, target) live_day.*, version
  FROM registry.live_day
    JOIN registry.model_version USING (model_version_id)
    JOIN registry.model USING (model_id)
  WHERE model.name = :model AND (CAST(:target AS text) IS NULL OR target = CAST(:target AS text))
    AND (CAST(:version AS bigint) IS NULL OR version = CAST(:version AS bigint))
    AND (CAST(:since AS date) IS NULL OR day >= CAST(:since AS date))
  ORDER BY day, version, role, target, attempt DESC
)
SELECT
  version, target, role, day, attempt, state, through, row_count, labelled, contradicting, fingerprint, operation, scores, slice_scores, inputs, run_id,
  (SELECT json_agg(json_build_array(metric_name.name, features, value, ci_low, ci_high, example_count) ORDER BY metric_name.name, slice_key)
   FROM registry.live_metric JOIN registry.metric_name USING (metric_id) JOIN registry.slice USING (slice_id)
   WHERE live_metric.live_day_id = last.live_day_id AND CAST(:with_metrics AS boolean)) AS metrics
FROM last
ORDER BY day, version, role, target;

-- name: last_through
-- The last day that a run which came to its end has looked at. What a run has measured that died on the way says nothing of other days.
SELECT max(CAST(parameters ->> 'through' AS date)) AS through
FROM registry.pipeline_run
WHERE model = :model AND pipeline_name = :pipeline_name AND state = 'SUCCEEDED' AND parameters ->> 'target' = :target;

-- name: insert
INSERT INTO registry.live_day (
  model_version_id, target, role, day, attempt, state, through, row_count, labelled, contradicting, fingerprint, operation, scores, slice_scores, inputs, run_id
)
VALUES (
  :model_version_id, :target, :role, :day, :attempt, :state, :through, :row_count, :labelled, :contradicting, :fingerprint,
  CAST(:operation AS jsonb), CAST(:scores AS jsonb), CAST(:slice_scores AS jsonb), CAST(:inputs AS jsonb), :run_id
)
ON CONFLICT (model_version_id, target, role, day, attempt) DO NOTHING
RETURNING live_day_id;

-- name: insert_metrics
INSERT INTO registry.live_metric (live_day_id, metric_id, slice_id, value, ci_low, ci_high, example_count)
SELECT :live_day_id, metric_id, slice_id, value, ci_low, ci_high, example_count
FROM jsonb_to_recordset(CAST(:metrics AS jsonb)) AS metric (
    name text, slice_key text, value double precision, ci_low double precision, ci_high double precision, example_count bigint
  )
  JOIN registry.metric_name USING (name)
  JOIN registry.slice USING (slice_key);
