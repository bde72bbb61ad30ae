-- What the days of predictions hold: rows and labels in one checksum that does not depend on their order (XOR and sum together, since
-- XOR alone does not see a row that is there twice).
WITH labels AS (
{known_labels}),
served AS (
  SELECT
    COALESCE(log.span, log.{log_day}) AS day,
    log.version,
    log.role,
    FARM_FINGERPRINT(
      CONCAT(
        log.request_id, ' ', CAST(log.instance AS STRING), ' ',
        IF(labels.label_key IS NULL, 'none', IFNULL(CAST(labels.label AS STRING), 'contradicting'))
      )
    ) AS fingerprint
  FROM {log} AS log
  LEFT JOIN labels ON labels.label_key = log.key AND labels.label_span = COALESCE(log.span, log.{log_day})
  WHERE log.model = @model AND log.target = @target AND log.{log_day} BETWEEN @first_logged AND @last_logged
)
SELECT
  day,
  version,
  role,
  COUNT(*) AS row_count,
  BIT_XOR(fingerprint) AS fingerprints_xor,
  SUM(MOD(fingerprint, 1000000007)) AS fingerprints_sum
FROM served
WHERE day IN UNNEST(@days)
GROUP BY day, version, role
ORDER BY day, version, role
