-- What each row lost that one of two versions was asked, and whose label is known; the query of these rows comes behind it.
WITH labels AS (
{known_labels}),
scored AS (
  SELECT
    COALESCE(log.span, log.{log_day}) AS day,
    log.key,
    log.version,
    log.request_id,
    log.instance,
    {loss} AS loss
  FROM {log} AS log
  JOIN labels ON labels.label_key = log.key AND labels.label_span = COALESCE(log.span, log.{log_day})
  WHERE log.model = @model AND log.target = @target AND log.{log_day} BETWEEN @first_logged AND @last_logged
    AND COALESCE(log.span, log.{log_day}) IN UNNEST(@days) AND log.version IN (@live, @challenger) AND labels.label IS NOT NULL
),
