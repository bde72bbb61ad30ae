-- Each key and span with its label; NULL where its labels contradict.
SELECT
  CAST({key} AS STRING) AS label_key,
  {span} AS label_span,
  IF(MIN({label}) = MAX({label}), CAST(MIN({label}) AS {label_type}), NULL) AS label
FROM ({labels}
)
WHERE {is_label}
GROUP BY label_key, label_span
