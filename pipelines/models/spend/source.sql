-- One row for each as-of date and customer who bought in the 270 days before: what was known of the customer on that evening, and
-- the dollars that were spent in the 90 days that followed, at most 300: else the one customer who spent thousands would decide
-- every metric of squares.
--
-- {source} is the pinned snapshot of retail.purchases. Parameters: @spans (as-of dates), @first_partition and @last_partition
-- (the purchases that may be read).
--
-- Money is NUMERIC until the last step: a sum of FLOAT64 depends on the order in which rows arrive, and the same snapshot would
-- not give the same examples.
WITH spans AS (
  SELECT as_of FROM UNNEST(@spans) AS as_of
),
bought AS (
  SELECT customer_id, purchase_date, number_of_cds, dollar_value
  FROM {source}
  WHERE purchase_date BETWEEN @first_partition AND @last_partition
),
history AS (
  SELECT
    spans.as_of,
    bought.customer_id,
    DATE_DIFF(spans.as_of, MAX(purchase_date), DAY) AS days_since_purchase,
    DATE_DIFF(spans.as_of, MIN(purchase_date), DAY) AS days_since_first,
    COUNT(*) AS purchases,
    COUNTIF(purchase_date > DATE_SUB(spans.as_of, INTERVAL 30 DAY)) AS purchases_30_days,
    COUNTIF(purchase_date > DATE_SUB(spans.as_of, INTERVAL 90 DAY)) AS purchases_90_days,
    SUM(number_of_cds) AS cds,
    SUM(dollar_value) AS dollars,
    SUM(IF(purchase_date > DATE_SUB(spans.as_of, INTERVAL 90 DAY), dollar_value, 0)) AS dollars_90_days,
    MAX(dollar_value) AS largest_purchase
  FROM spans
  JOIN bought ON purchase_date BETWEEN DATE_SUB(spans.as_of, INTERVAL 729 DAY) AND spans.as_of
  GROUP BY spans.as_of, bought.customer_id
  HAVING MAX(purchase_date) > DATE_SUB(spans.as_of, INTERVAL 270 DAY)
),
future AS (
  SELECT spans.as_of, bought.customer_id, SUM(dollar_value) AS dollars
  FROM spans
  JOIN bought ON purchase_date BETWEEN DATE_ADD(spans.as_of, INTERVAL 1 DAY) AND DATE_ADD(spans.as_of, INTERVAL 90 DAY)
  GROUP BY spans.as_of, bought.customer_id
)
SELECT
  history.as_of,
  history.customer_id,
  history.days_since_purchase,
  history.days_since_first,
  history.purchases,
  history.purchases_30_days,
  history.purchases_90_days,
  history.cds,
  CAST(history.dollars AS FLOAT64) AS dollars,
  CAST(history.dollars_90_days AS FLOAT64) AS dollars_90_days,
  CAST(history.largest_purchase AS FLOAT64) AS largest_purchase,
  CAST(history.dollars AS FLOAT64) / history.purchases AS mean_purchase,
  CASE WHEN history.purchases = 1 THEN 'one-time' WHEN history.purchases < 5 THEN 'occasional' ELSE 'regular' END AS segment,
  CASE
    WHEN history.days_since_purchase <= 30 THEN '0-30 days'
    WHEN history.days_since_purchase <= 90 THEN '31-90 days'
    ELSE '91-270 days'
  END AS recency_band,
  CAST(LEAST(COALESCE(future.dollars, 0), 300) AS FLOAT64) AS spent
FROM history
LEFT JOIN future ON future.as_of = history.as_of AND future.customer_id = history.customer_id
