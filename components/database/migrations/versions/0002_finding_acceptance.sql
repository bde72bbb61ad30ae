CREATE TABLE registry.finding_acceptance (               -- a finding that blocks no run until a date
  acceptance_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model         text   NOT NULL CHECK (length(model) BETWEEN 1 AND 63),
  finding       text   NOT NULL CHECK (length(finding) BETWEEN 1 AND 400),    -- LEVEL/CHECK/COLUMN
  run_id        text   NOT NULL REFERENCES registry.pipeline_run,             -- where it was found
  measure       double precision NOT NULL,                -- what is much worse than this is not accepted
  until         date   NOT NULL,                          -- the last day
  actor         text   NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  reason        text   NOT NULL CHECK (length(reason) BETWEEN 1 AND 10000),
  created_by    text   NOT NULL DEFAULT session_user,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON registry.finding_acceptance (model, finding);
CREATE INDEX ON registry.finding_acceptance (run_id);
CREATE TRIGGER no_update BEFORE UPDATE ON registry.finding_acceptance FOR EACH ROW EXECUTE FUNCTION registry.forbid_change();
CREATE TRIGGER no_delete BEFORE DELETE ON registry.finding_acceptance FOR EACH ROW EXECUTE FUNCTION registry.forbid_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON registry.finding_acceptance EXECUTE FUNCTION registry.forbid_change();
SELECT registry.let_writer_insert();
