-- name: try
-- Who holds it holds it with the connection, whatever transactions come and go.
SELECT pg_try_advisory_lock(hashtextextended('perennial ' || :subject, 0));

-- name: end
SELECT pg_advisory_unlock(hashtextextended('perennial ' || :subject, 0));
