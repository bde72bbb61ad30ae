-- What each of two versions lost on the keys that it alone was asked about, a row a key and version: the mean over the first day of the key.
WITH labels AS (
{known_labels}),
scored AS (
  SELECT
    COALESCE(log.span, log.{log_day}) AS day,
    log.key,
    log.version,
    {loss} AS loss
  FROM {log} AS log
  JOIN labels ON labels.label_key = log.key AND labels.label_span = COALESCE(log.span, log.{log_day})
  WHERE log.model = @model AND log.target = @target AND log.{log_day} BETWEEN @first_logged AND @last_logged
    AND COALESCE(log.span, log.{log_day}) IN UNNEST(@days) AND log.version IN (@live, @challenger) AND labels.label IS NOT NULL
),
first_days AS (
  SELECT key, MIN(scored.version) AS version, MIN(scored.day) AS day
  FROM scored
  GROUP BY key
  HAVING COUNT(DISTINCT scored.version) = 1
)
SELECT day, key, version, AVG(loss) AS loss, COUNT(*) AS row_count
FROM scored
JOIN first_days USING (key, day, version)
GROUP BY day, key, version
ORDER BY day, FARM_FINGERPRINT(key), key
