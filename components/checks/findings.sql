-- name: insert
INSERT INTO registry.finding (
  run_id, stage, place, check_name, severity, waived, level, column_name, since, days, measure, threshold, touched, what, remedy
)
SELECT :run_id, :stage, place, check_name, severity, :waived OR is_accepted, level, column_name, since, days, measure, threshold, touched, what, remedy
FROM jsonb_to_recordset(CAST(:findings AS jsonb)) AS finding (
  place integer, check_name text, severity text, level text, column_name text, since date, days integer,
  measure double precision, threshold double precision, touched double precision, what text, remedy text, is_accepted boolean
)
ON CONFLICT DO NOTHING;

-- name: read
SELECT check_name AS "check", severity, level, column_name AS "column", since, days, measure, threshold, touched, what, remedy
FROM registry.finding WHERE run_id = :run_id ORDER BY stage DESC, place;
