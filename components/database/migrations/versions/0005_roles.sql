SET LOCAL search_path = registry;

-- What nobody is granted: DELETE, TRUNCATE, any change of the schema, and so of its triggers. They are the owner's alone.
GRANT USAGE ON SCHEMA registry TO registry_reader, registry_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA registry TO registry_reader, registry_writer;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA registry TO registry_reader, registry_writer;    -- pg_dump reads them
GRANT INSERT ON ALL TABLES IN SCHEMA registry TO registry_writer;
REVOKE INSERT ON alembic_version FROM registry_writer;
GRANT UPDATE (state, error, finished_at) ON pipeline_run TO registry_writer;
GRANT UPDATE (next_version) ON model TO registry_writer;

-- Later migrations run as registry_owner too, so what they make is granted likewise.
ALTER DEFAULT PRIVILEGES IN SCHEMA registry GRANT SELECT ON TABLES TO registry_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA registry GRANT SELECT, INSERT ON TABLES TO registry_writer;
ALTER DEFAULT PRIVILEGES IN SCHEMA registry GRANT SELECT ON SEQUENCES TO registry_reader, registry_writer;

-- A run trains on one snapshot, and what it makes is held against one version.
CREATE UNIQUE INDEX one_train_snapshot ON run_dataset (run_id) WHERE role = 'train';
CREATE UNIQUE INDEX one_baseline ON run_model (run_id) WHERE role = 'baseline';

-- What a version measured on all examples, or on one slice, lies together.
ALTER TABLE metric DROP CONSTRAINT metric_pkey, ADD PRIMARY KEY (evaluation_id, slice_id, metric_id) INCLUDE (value);

-- Every reference has an index.
CREATE INDEX ON metric (slice_id);
CREATE INDEX ON deployment_event (model_id, target, rolls_back_to) WHERE rolls_back_to IS NOT NULL;
DROP INDEX deployment_event_model_version_id_idx;
CREATE INDEX ON deployment_event (model_version_id, model_id);
