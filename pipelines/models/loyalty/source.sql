-- One row for each as-of date and customer who bought in the 270 days before: the points that the purchases earned, a CD a point,
-- and the level that the customer was at 90 days later.
--
-- {source} is the pinned snapshot of retail.purchases. Parameters: @spans (as-of dates), @first_partition and @last_partition
-- (the purchases that may be read).
--
-- A purchase whose number of CDs is not known earned no points.
WITH spans AS (
  SELECT as_of FROM UNNEST(@spans) AS as_of
),
bought AS (
  SELECT customer_id, purchase_date, number_of_cds
  FROM {source}
  WHERE purchase_date BETWEEN @first_partition AND @last_partition
),
history AS (
  SELECT
    spans.as_of,
    bought.customer_id,
    DATE_DIFF(spans.as_of, MAX(purchase_date), DAY) AS days_since_purchase,
    COALESCE(SUM(IF(purchase_date > DATE_SUB(spans.as_of, INTERVAL 30 DAY), number_of_cds, 0)), 0) AS cds_30_days,
    COALESCE(SUM(IF(purchase_date > DATE_SUB(spans.as_of, INTERVAL 90 DAY), number_of_cds, 0)), 0) AS cds_90_days,
    COALESCE(SUM(IF(purchase_date > DATE_SUB(spans.as_of, INTERVAL 180 DAY), number_of_cds, 0)), 0) AS cds_180_days,
    COALESCE(SUM(IF(purchase_date > DATE_SUB(spans.as_of, INTERVAL 270 DAY), number_of_cds, 0)), 0) AS cds_270_days,
    COALESCE(SUM(number_of_cds), 0) AS cds_360_days,
    COALESCE(MAX(number_of_cds), 0) AS largest_order,
    COUNTIF(number_of_cds >= 3) AS large_orders
  FROM spans
  JOIN bought ON purchase_date BETWEEN DATE_SUB(spans.as_of, INTERVAL 359 DAY) AND spans.as_of
  GROUP BY spans.as_of, bought.customer_id
  HAVING MAX(purchase_date) > DATE_SUB(spans.as_of, INTERVAL 270 DAY)
),
year AS (
  SELECT spans.as_of, bought.customer_id, COUNT(*) AS purchases
  FROM spans
  JOIN bought ON purchase_date BETWEEN DATE_SUB(spans.as_of, INTERVAL 269 DAY) AND DATE_ADD(spans.as_of, INTERVAL 90 DAY)
  GROUP BY spans.as_of, bought.customer_id
)
SELECT
  history.as_of,
  history.customer_id,
  history.cds_30_days,
  history.cds_90_days,
  history.cds_180_days,
  history.cds_270_days,
  history.cds_360_days,
  history.largest_order,
  history.large_orders,
  CASE
    WHEN history.days_since_purchase <= 30 THEN '0-30 days'
    WHEN history.days_since_purchase <= 90 THEN '31-90 days'
    ELSE '91-270 days'
  END AS recency_band,
  CASE WHEN year.purchases <= 1 THEN 0 WHEN year.purchases <= 4 THEN 1 ELSE 2 END AS level
FROM history
JOIN year ON year.as_of = history.as_of AND year.customer_id = history.customer_id
