-- name: lock
-- Of the session, not of a transaction: an export waits for other services meanwhile.
SELECT pg_advisory_lock(hashtextextended('perennial export ' || :place, 0));
