CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL REFERENCES buckets,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('live', 'noncurrent', 'soft-deleted')),
    file TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (bucket, name, generation)
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS one_live_version ON objects (bucket, name) WHERE state = 'live';
CREATE INDEX IF NOT EXISTS files_in_use ON objects (file);
