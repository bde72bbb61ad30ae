-- What live versions did day by day, and the alarms that this raised.
SET LOCAL search_path = registry;

CREATE TABLE live_day (                                  -- one measurement of a day's logged predictions of a version; the last attempt counts
  live_day_id      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_version_id bigint  NOT NULL REFERENCES model_version,
  target           text    NOT NULL CHECK (length(target) BETWEEN 1 AND 256),
  role             text    NOT NULL CHECK (role IN ('live', 'canary', 'shadow')),
  day              date    NOT NULL,
  attempt          integer NOT NULL CHECK (attempt > 0),  -- another one only if rows or labels have changed since
  state            text    NOT NULL CHECK (state IN ('provisional', 'settled')),   -- before and after labels are mature
  through          date    NOT NULL,                     -- the day whose evening it was measured on
  row_count        bigint  NOT NULL CHECK (row_count > 0),
  labelled         bigint  NOT NULL CHECK (labelled BETWEEN 0 AND row_count),
  contradicting    bigint  NOT NULL CHECK (contradicting BETWEEN 0 AND row_count),   -- rows whose key has two labels; they count as not labelled
  fingerprint      text    NOT NULL CHECK (length(fingerprint) BETWEEN 1 AND 256),   -- of rows and labels, in whatever order
  operation        jsonb   NOT NULL CHECK (jsonb_typeof(operation) = 'object'),   -- predictions and latency
  scores           jsonb   NOT NULL CHECK (jsonb_typeof(scores) = 'array'),    -- rows by score, in equal steps, of each output
  inputs           jsonb   NOT NULL CHECK (jsonb_typeof(inputs) = 'array'),    -- what the looks at the inputs found
  run_id           text    NOT NULL REFERENCES pipeline_run,
  created_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model_version_id, target, role, day, attempt)
);
CREATE INDEX ON live_day (run_id);

CREATE TABLE live_metric (
  live_day_id   bigint  NOT NULL REFERENCES live_day,
  metric_id     integer NOT NULL REFERENCES metric_name,
  slice_id      integer NOT NULL REFERENCES slice,
  value         double precision NOT NULL,               -- NaN and infinity are values
  ci_low        double precision,
  ci_high       double precision,
  example_count bigint CHECK (example_count >= 0),
  PRIMARY KEY (live_day_id, slice_id, metric_id) INCLUDE (value),
  CHECK (ci_low <= ci_high)
);
CREATE INDEX ON live_metric (slice_id);
CREATE INDEX ON live_metric (metric_id, slice_id, live_day_id);

CREATE TABLE alarm (                                     -- one for a level shift, however long it lasts
  alarm_id         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_version_id bigint  NOT NULL REFERENCES model_version,
  target           text    NOT NULL CHECK (length(target) BETWEEN 1 AND 256),
  role             text    NOT NULL CHECK (role IN ('live', 'canary', 'shadow')),
  kind             text    NOT NULL CHECK (kind IN ('metric', 'input', 'coverage')),
  subject          text    NOT NULL CHECK (length(subject) BETWEEN 1 AND 300),   -- the metric, or the column
  slice_key        text    NOT NULL CHECK (length(slice_key) <= 512),            -- '' is all rows
  slice            jsonb   NOT NULL CHECK (jsonb_typeof(slice) = 'object'),
  since            date    NOT NULL,                     -- the first day that is wrong
  created_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model_version_id, target, role, kind, subject, slice_key, since)
);

CREATE TABLE alarm_event (                               -- the life of an alarm; its last event is how it stands
  alarm_id       bigint  NOT NULL REFERENCES alarm,
  seq            integer NOT NULL CHECK (seq > 0),
  state          text    NOT NULL CHECK (state IN ('open', 'worse', 'settled', 'closed')),
  day            date    NOT NULL,                       -- the last day that was looked at
  loss           double precision NOT NULL,              -- by how much the metric is worse, or the share of rows that are wrong
  row_count      bigint  NOT NULL CHECK (row_count >= 0),   -- that it concerns since then
  sentence       text    NOT NULL CHECK (length(sentence) BETWEEN 1 AND 10000),
  cause          text    NOT NULL CHECK (cause IN ('broken_source', 'changed_world', 'coverage', 'bad_version', 'serving_fault', 'unknown')),
  cause_column   text,
  cause_slice    jsonb   NOT NULL CHECK (jsonb_typeof(cause_slice) = 'object'),
  cause_since    date,                                   -- the first bad partition, or day
  cause_sentence text    NOT NULL CHECK (length(cause_sentence) <= 10000),
  run_id         text    NOT NULL REFERENCES pipeline_run,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (alarm_id, seq)
);
CREATE INDEX ON alarm_event (run_id);

CREATE TABLE alarm_answer (                              -- what people said to an alarm
  alarm_id   bigint  NOT NULL REFERENCES alarm,
  seq        integer NOT NULL CHECK (seq > 0),
  action     text    NOT NULL CHECK (action IN ('acknowledge', 'mute')),
  until      date,                                       -- the last day on which it is muted
  actor      text    NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  reason     text    NOT NULL CHECK (length(reason) BETWEEN 1 AND 10000),
  created_by text    NOT NULL DEFAULT session_user,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (alarm_id, seq),
  CHECK ((action = 'mute') = (until IS NOT NULL))
);

CREATE FUNCTION make_append_only(VARIADIC tables text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY tables LOOP
    EXECUTE format('CREATE TRIGGER no_update BEFORE UPDATE ON registry.%I FOR EACH ROW EXECUTE FUNCTION registry.forbid_change()', name);
    EXECUTE format('CREATE TRIGGER no_delete BEFORE DELETE ON registry.%I FOR EACH ROW EXECUTE FUNCTION registry.forbid_change()', name);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON registry.%I EXECUTE FUNCTION registry.forbid_change()', name);
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION make_append_only(text[]) FROM PUBLIC;
SELECT make_append_only('live_day', 'live_metric', 'alarm', 'alarm_event', 'alarm_answer');

SELECT let_writer_insert();
