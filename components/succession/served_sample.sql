-- Of each day some of the rows that a version was asked as the live one, chosen by their keys, with their labels. Those without one are left
-- out. Which rows of a day are chosen has nothing to do with them.
WITH labels AS (
{known_labels}),
labelled AS (
  SELECT
    log.*,
    labels.label AS perennial_label,
    COALESCE(log.span, log.{log_day}) AS perennial_day,
    FARM_FINGERPRINT(CONCAT(log.key, ' ', CAST(COALESCE(log.span, log.{log_day}) AS STRING))) AS perennial_place
  FROM {log} AS log
  JOIN labels ON labels.label_key = log.key AND labels.label_span = COALESCE(log.span, log.{log_day})
  WHERE log.model = @model AND log.target = @target AND log.{log_day} BETWEEN @first_logged AND @last_logged
    AND COALESCE(log.span, log.{log_day}) IN UNNEST(@days) AND log.version = @version AND log.role = 'live' AND labels.label IS NOT NULL
),
placed AS (
  SELECT
    labelled.*,
    ROW_NUMBER() OVER (PARTITION BY perennial_day ORDER BY perennial_place, request_id, instance) AS perennial_number
  FROM labelled
)
SELECT * FROM placed WHERE perennial_number <= @most_rows ORDER BY perennial_day, perennial_number
