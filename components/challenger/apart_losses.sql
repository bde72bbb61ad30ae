-- What each of two versions lost on the keys that it alone was asked about, a row a key and version: the mean over the first day of the key.
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
