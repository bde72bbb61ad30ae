-- One row for each customer and as-of date: what was known of the customer on that evening, and whether 30 days without a
-- purchase followed.
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
    SUM(dollar_value) AS spend,
    SUM(IF(purchase_date > DATE_SUB(spans.as_of, INTERVAL 90 DAY), dollar_value, 0)) AS spend_90_days,
    MAX(dollar_value) AS largest_purchase
  FROM spans
  JOIN bought ON purchase_date BETWEEN DATE_SUB(spans.as_of, INTERVAL 729 DAY) AND spans.as_of
  GROUP BY spans.as_of, bought.customer_id
),
future AS (
  SELECT DISTINCT spans.as_of, bought.customer_id
  FROM spans
  JOIN bought ON purchase_date BETWEEN DATE_ADD(spans.as_of, INTERVAL 1 DAY) AND DATE_ADD(spans.as_of, INTERVAL 30 DAY)
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
  CAST(history.spend AS FLOAT64) AS spend,
  CAST(history.spend_90_days AS FLOAT64) AS spend_90_days,
  CAST(history.largest_purchase AS FLOAT64) AS largest_purchase,
  CAST(history.spend AS FLOAT64) / history.purchases AS mean_purchase,
  CASE WHEN history.purchases = 1 THEN 'one-time' WHEN history.purchases < 5 THEN 'occasional' ELSE 'regular' END AS segment,
  CASE
    WHEN history.days_since_purchase <= 30 THEN '0-30 days'
    WHEN history.days_since_purchase <= 90 THEN '31-90 days'
    WHEN history.days_since_purchase <= 365 THEN '91-365 days'
    ELSE 'over a year'
  END AS recency_band,
  IF(future.customer_id IS NULL, 1, 0) AS churned
FROM history
LEFT JOIN future ON future.as_of = history.as_of AND future.customer_id = history.customer_id
