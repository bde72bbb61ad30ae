-- What two versions lost on the same served rows whose label is known, a row a key: the mean over its rows of the first day on which both
-- were asked about it. A later day adds keys and changes none. Keys of a day stand in an order that has nothing to do with them.
rows_of_both AS (
  SELECT one.day, one.key, one.loss AS live_loss, other.loss AS challenger_loss
  FROM scored AS one
  JOIN scored AS other ON other.request_id = one.request_id AND other.instance = one.instance
  WHERE one.version = @live AND other.version = @challenger
),
first_days AS (
  SELECT key, MIN(day) AS day FROM rows_of_both GROUP BY key
)
SELECT day, key, AVG(live_loss) AS live_loss, AVG(challenger_loss) AS challenger_loss, COUNT(*) AS row_count
FROM rows_of_both
JOIN first_days USING (key, day)
GROUP BY day, key
ORDER BY day, FARM_FINGERPRINT(key), key
