-- The days that predictions are of, by version and role. The day is the one that the caller gave, else that of the request.
-- Only the partitions that a run looks at are read. Columns are grouped by their place, since a feature may be called `day`, too.
SELECT
  COALESCE(span, {log_day}) AS day,
  version,
  role,
  COUNT(*) AS row_count,
  MIN({log_day}) AS first_logged,
  MAX({log_day}) AS last_logged
FROM {log}
WHERE model = @model AND target = @target AND {log_day} >= @first_logged AND COALESCE(span, {log_day}) <= @last_partition
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
