-- The requests of each day that were refused, or failed, and the rows of those that were refused.
SELECT
  {log_day} AS day,
  COUNTIF(status < 500) AS refused_requests,
  SUM(IF(status < 500, row_count, 0)) AS refused_rows,
  COUNTIF(status >= 500) AS failed_requests
FROM {refused_log}
WHERE model = @model AND target = @target AND {log_day} IN UNNEST(@days) AND {log_day} BETWEEN @first_logged AND @last_logged
GROUP BY 1
ORDER BY 1
