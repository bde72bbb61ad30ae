-- The dollars, of 300 at most, that each customer spent in the 90 days after an as-of date, once they are over.
--
-- {source} is the table retail.purchases as it is now. Parameters: @spans (as-of dates of predictions), @first_partition and
-- @last_partition (the purchases that may be read).
WITH spans AS (
  SELECT as_of FROM UNNEST(@spans) AS as_of WHERE DATE_ADD(as_of, INTERVAL 90 DAY) <= @last_partition
),
bought AS (
  SELECT customer_id, purchase_date, dollar_value
  FROM {source}
  WHERE purchase_date BETWEEN @first_partition AND @last_partition
)
SELECT
  spans.as_of,
  bought.customer_id,
  CAST(LEAST(SUM(IF(bought.purchase_date > spans.as_of, bought.dollar_value, 0)), 300) AS FLOAT64) AS spent
FROM spans
JOIN bought ON bought.purchase_date BETWEEN DATE_SUB(spans.as_of, INTERVAL 269 DAY) AND DATE_ADD(spans.as_of, INTERVAL 90 DAY)
GROUP BY spans.as_of, bought.customer_id
HAVING MIN(bought.purchase_date) <= spans.as_of
