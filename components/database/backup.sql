-- name: contents
SELECT (SELECT version_num FROM registry.alembic_version) AS schema,
       (SELECT count(*) FROM registry.dataset_snapshot) AS snapshots, (SELECT count(*) FROM registry.model) AS models,
       (SELECT count(*) FROM registry.model_version) AS versions, (SELECT count(*) FROM registry.pipeline_run) AS runs,
       (SELECT count(*) FROM registry.metric) AS metrics;

-- name: has_tables
SELECT to_regclass('registry.alembic_version') IS NOT NULL;

-- name: lock
-- Nobody writes between the look and the drop. Every other row refers to one of these.
LOCK TABLE registry.pipeline_run, registry.dataset_snapshot, registry.model;

-- name: drop
DROP SCHEMA registry CASCADE;
