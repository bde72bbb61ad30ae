-- The label of each customer and as-of date, once the 30 days are over: whether they passed without a purchase.
--
-- {source} is the table retail.purchases as it is now. Parameters: @spans (as-of dates of predictions), @first_partition and
-- @last_partition (the purchases that may be read).
WITH spans AS (
  SELECT as_of FROM UNNEST(@spans) AS as_of WHERE DATE_ADD(as_of, INTERVAL 30 DAY) <= @last_partition
),
bought AS (
  SELECT customer_id, purchase_date
  FROM {source}
  WHERE purchase_date BETWEEN @first_partition AND @last_partition
)
SELECT
  spans.as_of,
  bought.customer_id,
  IF(COUNTIF(bought.purchase_date > spans.as_of) = 0, 1, 0) AS churned
FROM spans
JOIN bought ON bought.purchase_date BETWEEN DATE_SUB(spans.as_of, INTERVAL 729 DAY) AND DATE_ADD(spans.as_of, INTERVAL 30 DAY)
GROUP BY spans.as_of, bought.customer_id
