SET LOCAL search_path = registry;

CREATE TABLE finding (                                   -- what the gate before training found wrong with a run's data
  run_id      text    NOT NULL REFERENCES pipeline_run,
  stage       text    NOT NULL CHECK (stage IN ('source', 'rows')),   -- before and after source.sql
  place       integer NOT NULL CHECK (place > 0),        -- the likely culprit is the first
  check_name  text    NOT NULL CHECK (length(check_name) BETWEEN 1 AND 64),
  severity    text    NOT NULL CHECK (severity IN ('blocks', 'warns')),
  waived      boolean NOT NULL,                          -- somebody asked for the run in spite of it
  level       text    NOT NULL CHECK (level IN ('source', 'rows')),
  column_name text    NOT NULL CHECK (length(column_name) <= 300),    -- '' is the rows as a whole
  since       date,                                      -- the first partition or span; null: all
  days        integer NOT NULL CHECK (days >= 0),
  measure     double precision NOT NULL,
  threshold   double precision NOT NULL,
  touched     double precision NOT NULL,                 -- the share of the values since then
  what        text    NOT NULL,
  remedy      text    NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, stage, place)
);

CREATE TRIGGER no_update BEFORE UPDATE ON finding FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER no_delete BEFORE DELETE ON finding FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON finding EXECUTE FUNCTION forbid_change();
