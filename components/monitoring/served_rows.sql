-- The rows of a day of predictions, each with its label, in an order that does not change.
WITH labels AS (
{known_labels})
SELECT
  log.*,
  labels.label AS perennial_label,
  labels.label_key IS NOT NULL AND labels.label IS NULL AS perennial_contradicting
FROM {log} AS log
LEFT JOIN labels ON labels.label_key = log.key AND labels.label_span = COALESCE(log.span, log.{log_day})
WHERE log.model = @model AND log.target = @target AND log.{log_day} BETWEEN @first_logged AND @last_logged
  AND COALESCE(log.span, log.{log_day}) IN UNNEST(@days) AND log.version IS NOT NULL AND log.role IS NOT NULL
ORDER BY log.version, log.role, log.request_id, log.instance
