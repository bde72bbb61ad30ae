-- The registry: facts about data, runs, versions, metrics and decisions. PostgreSQL 15 or newer.
--
-- Facts are only appended; triggers at the end refuse everything else. Two rows may change: a run, once, from RUNNING to how it
-- ended, and a model's counter of versions, by one. Names that people or data choose are limited in length where a btree holds them.
-- Who wrote a row and when, and the number of a version, are the database's to say: nobody but the owner is granted those columns.
SET LOCAL search_path = registry;

CREATE DOMAIN sha256       AS text CHECK (VALUE ~ '^[0-9a-f]{64}$');
CREATE DOMAIN digest       AS text CHECK (VALUE ~ '^sha256:[0-9a-f]{64}$');
CREATE DOMAIN gs_uri       AS text CHECK (VALUE ~ '^gs://[^/]+/.+' AND length(VALUE) <= 1100);
CREATE DOMAIN model_name   AS text CHECK (VALUE ~ '^[a-z][a-z0-9_]{0,62}$');
CREATE DOMAIN run_state    AS text CHECK (VALUE IN ('RUNNING', 'SUCCEEDED', 'FAILED', 'BLOCKED', 'CANCELLED'));
CREATE DOMAIN run_trigger  AS text CHECK (VALUE IN ('person', 'schedule', 'partition', 'alarm', 'code'));
CREATE DOMAIN dataset_role AS text CHECK (VALUE IN ('train', 'validation', 'test', 'baseline', 'serving_log'));
CREATE DOMAIN model_role   AS text CHECK (VALUE IN ('baseline'));

-- ---------------------------------------------------------------- data
CREATE TABLE dataset_snapshot (
  snapshot_id        sha256 PRIMARY KEY,                 -- of the document's canonical JSON: same content, same id
  document           jsonb  NOT NULL CHECK (jsonb_typeof(document) = 'object'),
  source_table       text   NOT NULL CHECK (source_table ~ '^([^.:]+(\.[^.:]+)+:)?[^.]+\.[^.]+\.[^.]+$'),
  snapshot_table     text   NOT NULL CHECK (snapshot_table ~ '^([^.:]+(\.[^.:]+)+:)?[^.]+\.[^.]+\.[^.]+$'),
  partition_field    text   NOT NULL,
  partition_from     date   NOT NULL,
  partition_to       date   NOT NULL,                    -- exclusive
  query_sha256       sha256 NOT NULL,
  row_count          bigint NOT NULL CHECK (row_count >= 0),   -- of the source's partitions
  schema_fingerprint sha256 NOT NULL,
  content_checksum   text   NOT NULL,                    -- does not depend on the order of rows
  created_at         timestamptz NOT NULL DEFAULT now(),
  CHECK (partition_from < partition_to)
);
CREATE INDEX ON dataset_snapshot (source_table, partition_to DESC);

-- ---------------------------------------------------------------- runs
CREATE TABLE pipeline_run (
  run_id             text PRIMARY KEY CHECK (run_id ~ '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$'),
  model              model_name  NOT NULL,
  pipeline_name      text        NOT NULL,
  pipeline_version   text        NOT NULL,
  pipeline_sha256    sha256      NOT NULL,               -- of the compiled pipeline
  parameters         jsonb       NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
  trigger            run_trigger NOT NULL,
  reason             text        NOT NULL,
  git_commit         text        CHECK (git_commit ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'),   -- null: not run from a repository
  git_dirty          boolean     NOT NULL,
  environment_digest digest      NOT NULL,               -- of uv.lock
  image_digest       digest,                             -- null: not run in a container
  package_versions   jsonb       NOT NULL CHECK (jsonb_typeof(package_versions) = 'object'),
  host               text        NOT NULL,
  service_account    text,
  state              run_state   NOT NULL DEFAULT 'RUNNING',
  error              text        CHECK (error IS NULL OR state IN ('FAILED', 'BLOCKED', 'CANCELLED')),
  started_by         text        NOT NULL DEFAULT session_user,
  started_at         timestamptz NOT NULL DEFAULT now(),
  finished_at        timestamptz,
  CHECK ((state = 'RUNNING') = (finished_at IS NULL))
);
CREATE INDEX ON pipeline_run (model, started_at DESC, run_id);
CREATE INDEX ON pipeline_run (model, host) WHERE state = 'RUNNING';

CREATE TABLE run_task (
  run_id            text    NOT NULL REFERENCES pipeline_run,
  task_name         text    NOT NULL CHECK (length(task_name) BETWEEN 1 AND 256),   -- unique in the pipeline, with the loop's index
  component_name    text    NOT NULL CHECK (length(component_name) BETWEEN 1 AND 256),
  component_version text    NOT NULL CHECK (length(component_version) BETWEEN 1 AND 256),
  cached            boolean NOT NULL,
  seconds           double precision CHECK (seconds >= 0),
  PRIMARY KEY (run_id, task_name)
);
CREATE INDEX ON run_task (component_name, component_version);

CREATE TABLE run_dataset (                               -- lineage: which data a run read, and what for
  run_id      text         NOT NULL REFERENCES pipeline_run,
  role        dataset_role NOT NULL,
  snapshot_id sha256       NOT NULL REFERENCES dataset_snapshot,
  PRIMARY KEY (run_id, role, snapshot_id)
);
CREATE INDEX ON run_dataset (snapshot_id);
CREATE UNIQUE INDEX one_train_snapshot ON run_dataset (run_id) WHERE role = 'train';

-- ---------------------------------------------------------------- the gate before training
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

-- ---------------------------------------------------------------- models
CREATE TABLE model (
  model_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         model_name NOT NULL UNIQUE,
  next_version integer    NOT NULL DEFAULT 1,            -- raised by the trigger of model_version, so that versions have no gaps
  created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE model_version (
  model_version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id         bigint  NOT NULL REFERENCES model,
  version          integer NOT NULL CHECK (version > 0),   -- the model's next, by trigger
  run_id           text    NOT NULL REFERENCES pipeline_run,
  variant          text    NOT NULL CHECK (length(variant) <= 128),   -- '' unless one run makes several models
  snapshot_id      sha256  NOT NULL REFERENCES dataset_snapshot,
  code_sha256      sha256  NOT NULL,                     -- of the model's folder
  training_sha256  sha256  NOT NULL,                     -- of all that the weights depend on
  framework        text    NOT NULL,
  signature        jsonb,
  artifact_uri     gs_uri  NOT NULL,
  manifest         jsonb   NOT NULL CHECK (jsonb_typeof(manifest) = 'array'),   -- [{path, size, sha256, crc32c, generation}]
  CHECK (NOT jsonb_path_exists(manifest, '$[*].path ? (@ like_regex "(^|/)[.]{0,2}(/|$)")')),   -- no path leads out of its folder
  manifest_sha256  sha256  NOT NULL,
  examples_sha256  sha256  NOT NULL,                     -- over all files of examples, in order
  training_machine text    NOT NULL CHECK (length(training_machine) <= 512),
  created_by       text    NOT NULL DEFAULT session_user,   -- who logged in, whatever role they took since
  created_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model_id, version),
  CONSTRAINT model_version_of_model UNIQUE (model_version_id, model_id),
  UNIQUE (model_id, run_id, variant),                    -- a push that is tried again finds its own row
  CHECK (right(artifact_uri, 64) = manifest_sha256)      -- the address is the content
);
CREATE INDEX ON model_version (model_id, training_sha256, version);
CREATE INDEX ON model_version (run_id);
CREATE INDEX ON model_version (snapshot_id);

CREATE TABLE run_model (                                 -- lineage: which versions a run read, and what for
  run_id           text       NOT NULL REFERENCES pipeline_run,
  role             model_role NOT NULL,
  model_version_id bigint     NOT NULL REFERENCES model_version,
  PRIMARY KEY (run_id, role, model_version_id)
);
CREATE INDEX ON run_model (model_version_id);
CREATE UNIQUE INDEX one_baseline ON run_model (run_id) WHERE role = 'baseline';   -- what a run makes is compared with one version

-- ---------------------------------------------------------------- evaluation
CREATE TABLE metric_name (
  metric_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name      text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 256)
);

CREATE TABLE slice (
  slice_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  slice_key text  NOT NULL UNIQUE CHECK (length(slice_key) <= 512),   -- 'country=DE,device=ios'; '' is all examples
  features  jsonb NOT NULL CHECK (jsonb_typeof(features) = 'object')
);

CREATE TABLE evaluation (
  evaluation_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_version_id bigint NOT NULL REFERENCES model_version,
  snapshot_id      sha256 NOT NULL REFERENCES dataset_snapshot,
  run_id           text   NOT NULL REFERENCES pipeline_run,
  config_sha256    sha256 NOT NULL,
  report_uri       text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model_version_id, snapshot_id, run_id, config_sha256)
);
CREATE INDEX ON evaluation (run_id);
CREATE INDEX ON evaluation (snapshot_id);

CREATE TABLE metric (
  evaluation_id bigint  NOT NULL REFERENCES evaluation,
  metric_id     integer NOT NULL REFERENCES metric_name,
  slice_id      integer NOT NULL REFERENCES slice,
  value         double precision NOT NULL,               -- NaN and infinity are values
  ci_low        double precision,
  ci_high       double precision,
  example_count bigint CHECK (example_count >= 0),
  PRIMARY KEY (evaluation_id, slice_id, metric_id) INCLUDE (value),   -- the metrics of one slice lie together
  CHECK (ci_low <= ci_high)
);
CREATE INDEX ON metric (slice_id);
CREATE INDEX metric_trend ON metric (metric_id, slice_id, evaluation_id) INCLUDE (value);

-- ---------------------------------------------------------------- decisions
CREATE TABLE blessing (
  blessing_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_version_id bigint  NOT NULL REFERENCES model_version,
  baseline_id      bigint  REFERENCES model_version,
  run_id           text    NOT NULL REFERENCES pipeline_run,
  policy_sha256    sha256  NOT NULL,
  blessed          boolean NOT NULL,
  checks           jsonb   NOT NULL CHECK (jsonb_typeof(checks) = 'array'),   -- [{metric, slice, rule, value, baseline, passed}]
  decided_by       text    NOT NULL,
  created_by       text    NOT NULL DEFAULT session_user,
  created_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model_version_id, run_id, policy_sha256)
);
CREATE INDEX ON blessing (run_id);
CREATE INDEX ON blessing (baseline_id);

CREATE TABLE deployment_event (                          -- the history is the state: the last event of a target and a model is live
  event_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id         bigint  NOT NULL REFERENCES model,    -- a target serves one version of each model, so each has a sequence of its own
  target           text    NOT NULL CHECK (length(target) BETWEEN 1 AND 256),
  seq              integer NOT NULL CHECK (seq > 0),     -- compare and set: who deploys says which seq they saw
  action           text    NOT NULL CHECK (action IN ('deploy', 'rollback', 'undeploy')),
  model_version_id bigint,
  rolls_back_to    integer,                              -- the seq that is restored
  request_id       text    NOT NULL UNIQUE CHECK (length(request_id) BETWEEN 1 AND 256),   -- a retry finds its own event
  run_id           text    REFERENCES pipeline_run,
  actor            text    NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  reason           text    NOT NULL DEFAULT '' CHECK (length(reason) <= 10000),
  forced           boolean NOT NULL DEFAULT false,       -- deployed although no gate let it through
  smoke            jsonb   NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(smoke) = 'object'),   -- what the smoke test measured
  created_by       text    NOT NULL DEFAULT session_user,   -- the database's word beside the actor's own
  created_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model_id, target, seq),
  FOREIGN KEY (model_id, target, rolls_back_to) REFERENCES deployment_event (model_id, target, seq),
  FOREIGN KEY (model_version_id, model_id) REFERENCES model_version (model_version_id, model_id),
  CHECK ((action = 'undeploy') = (model_version_id IS NULL)),
  CHECK ((action = 'rollback') = (rolls_back_to IS NOT NULL)),
  CHECK (rolls_back_to < seq)
);
CREATE INDEX ON deployment_event (model_version_id, model_id);
CREATE INDEX ON deployment_event (model_id, target, rolls_back_to) WHERE rolls_back_to IS NOT NULL;
CREATE INDEX ON deployment_event (run_id);

CREATE VIEW live_deployment AS                           -- undeployed ones are not live
  SELECT * FROM (
    SELECT DISTINCT ON (model_id, target) * FROM deployment_event ORDER BY model_id, target, seq DESC
  ) AS last WHERE action <> 'undeploy';

CREATE TABLE retirement (                                -- never to be deployed again; its bytes may go to cold storage
  model_version_id bigint PRIMARY KEY REFERENCES model_version,
  actor            text   NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  reason           text   NOT NULL CHECK (length(reason) <= 10000),
  created_by       text   NOT NULL DEFAULT session_user,
  created_at       timestamptz NOT NULL DEFAULT now()
);

-- ---------------------------------------------------------------- history is only appended
CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'registry.% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION end_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changing constant text[] := ARRAY['state', 'error', 'finished_at'];
BEGIN
  IF OLD.state <> 'RUNNING' OR to_jsonb(OLD) - changing <> to_jsonb(NEW) - changing THEN
    RAISE EXCEPTION 'run % may only end, once', OLD.run_id USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.state <> 'RUNNING' THEN
    NEW.finished_at := now();
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION count_one_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.next_version <> OLD.next_version + 1 OR to_jsonb(OLD) - 'next_version' <> to_jsonb(NEW) - 'next_version' THEN
    RAISE EXCEPTION 'model % may only count one version more', OLD.name USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

-- ---------------------------------------------------------------- what the database numbers itself
CREATE FUNCTION number_version() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = registry, pg_temp AS $$   -- nobody else may count
BEGIN
  IF NEW.version IS NULL THEN                            -- a database that is loaded from a dump brings its numbers along
    UPDATE model SET next_version = next_version + 1 WHERE model_id = NEW.model_id RETURNING next_version - 1 INTO NEW.version;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER number_version BEFORE INSERT ON model_version FOR EACH ROW EXECUTE FUNCTION number_version();

CREATE FUNCTION follow_seq() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last integer;
BEGIN
  SELECT COALESCE(max(seq), 0) INTO last FROM registry.deployment_event WHERE model_id = NEW.model_id AND target = NEW.target;
  IF NEW.seq > last + 1 THEN                             -- one that is taken finds its conflict
    RAISE EXCEPTION 'the next event of % is %, not %', NEW.target, last + 1, NEW.seq USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER follow_seq BEFORE INSERT ON deployment_event FOR EACH ROW EXECUTE FUNCTION follow_seq();

DO $$
DECLARE
  name text;
  kept text;
BEGIN
  FOR name IN SELECT table_name FROM information_schema.tables
    WHERE table_schema = 'registry' AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version'
  LOOP
    kept := CASE name WHEN 'pipeline_run' THEN 'end_once' WHEN 'model' THEN 'count_one_version' ELSE 'forbid_change' END;
    EXECUTE format('CREATE TRIGGER no_update BEFORE UPDATE ON registry.%I FOR EACH ROW EXECUTE FUNCTION registry.%I()', name, kept);
    EXECUTE format('CREATE TRIGGER no_delete BEFORE DELETE ON registry.%I FOR EACH ROW EXECUTE FUNCTION registry.forbid_change()', name);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON registry.%I EXECUTE FUNCTION registry.forbid_change()', name);
  END LOOP;
END $$;

-- ---------------------------------------------------------------- who may do what
-- What nobody is granted: DELETE, TRUNCATE, any change of the schema, and so of its triggers. They are the owner's alone.
GRANT USAGE ON SCHEMA registry TO registry_reader, registry_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA registry TO registry_reader, registry_writer;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA registry TO registry_reader, registry_writer;    -- pg_dump reads them
GRANT UPDATE (state, error, finished_at) ON pipeline_run TO registry_writer;

-- Which columns a writer fills. Every later migration that adds a table or a column calls it again.
CREATE FUNCTION let_writer_insert() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  item record;
BEGIN
  FOR item IN
    SELECT table_name, string_agg(quote_ident(column_name), ', ') AS columns
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'registry' AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version' AND is_identity = 'NO'
      AND column_name NOT IN ('created_at', 'created_by', 'started_at', 'started_by', 'finished_at', 'next_version')
      AND (table_name, column_name) <> ('model_version', 'version')
    GROUP BY table_name
  LOOP
    EXECUTE format('GRANT INSERT (%s) ON registry.%I TO registry_writer', item.columns, item.table_name);
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION let_writer_insert() FROM PUBLIC;
SELECT let_writer_insert();

-- Later migrations run as registry_owner too, so what they make can be read likewise.
ALTER DEFAULT PRIVILEGES IN SCHEMA registry GRANT SELECT ON TABLES TO registry_reader, registry_writer;
ALTER DEFAULT PRIVILEGES IN SCHEMA registry GRANT SELECT ON SEQUENCES TO registry_reader, registry_writer;
