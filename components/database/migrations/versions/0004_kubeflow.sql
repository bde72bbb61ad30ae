-- Runs that Kubeflow executes, and the windows that scheduled runs claim.
SET LOCAL search_path = registry;

CREATE TABLE kubeflow_run (                              -- one execution of a run, however often it was submitted
  run_id       text PRIMARY KEY REFERENCES pipeline_run,
  kubeflow_run text NOT NULL UNIQUE CHECK (length(kubeflow_run) BETWEEN 1 AND 191),
  address      text NOT NULL CHECK (address ~ '^https?://' AND length(address) <= 2000),
  created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE window_claim (                              -- compare and set: whoever inserts the next attempt trains the window
  model      model_name NOT NULL,
  through    date       NOT NULL,                        -- the last partition of the window
  attempt    integer    NOT NULL CHECK (attempt > 0),    -- another one only after a run that FAILED or was CANCELLED
  schedule   text       NOT NULL CHECK (length(schedule) BETWEEN 1 AND 128),
  run_id     text       NOT NULL UNIQUE REFERENCES pipeline_run,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, through, attempt)
);

CREATE INDEX ON pipeline_run (model, (parameters ->> 'through'));   -- which windows a model was trained on

CREATE TRIGGER no_update BEFORE UPDATE ON kubeflow_run FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER no_delete BEFORE DELETE ON kubeflow_run FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON kubeflow_run EXECUTE FUNCTION forbid_change();
CREATE TRIGGER no_update BEFORE UPDATE ON window_claim FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER no_delete BEFORE DELETE ON window_claim FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON window_claim EXECUTE FUNCTION forbid_change();

SELECT let_writer_insert();
