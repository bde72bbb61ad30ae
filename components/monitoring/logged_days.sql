-- The days that predictions are of, by version and role. The day is the one that the caller gave, else that of the request.
SELECT
  COALESCE(span, {log_day}) AS day,
  version,
  role,
  COUNT(*) AS row_count,
  MIN({log_day}) AS first_logged,
  MAX({log_day}) AS last_logged
FROM {log}
WHERE model = @model AND target = @target
GROUP BY day, version, role
HAVING day <= @last_partition
ORDER BY day, version, role
