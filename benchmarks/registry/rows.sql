-- A registry of :models models with :versions versions each, and of each version :names metrics on :slices slices, one of which is all examples.
-- Every statement adds what is missing.

-- name: snapshots
INSERT INTO registry.dataset_snapshot (
  snapshot_id, document, source_table, snapshot_table, partition_field, partition_from, partition_to,
  query_sha256, row_count, schema_fingerprint, content_checksum
)
SELECT encode(sha256(convert_to('snapshot ' || version, 'UTF8')), 'hex'),
       jsonb_build_object('spans', (SELECT jsonb_agg(to_char(DATE '2024-01-01' + version + day, 'YYYY-MM-DD')) FROM generate_series(1, 13) AS day)),
       'shop.sales.purchases', 'shop.snapshots.purchases_' || version, 'day', DATE '2024-01-01' + version, DATE '2024-01-01' + version + 91,
       repeat('d', 64), 300000 + version, repeat('e', 64), version || ' 4611686018427387904'
FROM generate_series(1, CAST(:versions AS int)) AS version
ON CONFLICT DO NOTHING;

-- name: runs
INSERT INTO registry.pipeline_run (
  run_id, model, pipeline_name, pipeline_version, pipeline_sha256, parameters, trigger, reason, git_commit, git_dirty, environment_digest,
  package_versions, host, state, started_at, finished_at
)
SELECT format('bench-%s-%s', model, version), 'bench_' || model, 'training', '0.1.0', repeat('a', 64),
       '{"through": "2024-03-31", "epochs": 3, "learning_rate": 0.1}', 'schedule', 'a new partition', repeat('c', 40), false,
       'sha256:' || repeat('b', 64), (SELECT jsonb_object_agg('package-' || number, '1.2.' || number) FROM generate_series(1, 150) AS number),
       'host', 'SUCCEEDED', TIMESTAMPTZ '2024-01-01' + version * interval '1 day', TIMESTAMPTZ '2024-01-01' + version * interval '1 day 1 minute'
FROM generate_series(1, CAST(:models AS int)) AS model, generate_series(1, CAST(:versions AS int)) AS version
ON CONFLICT DO NOTHING;

-- name: tasks
INSERT INTO registry.run_task (run_id, task_name, component_name, component_version, cached, seconds)
SELECT run_id, 'task-' || task, 'component-' || task, '0.1.0', false, task
FROM registry.pipeline_run, generate_series(1, 12) AS task WHERE run_id LIKE 'bench-%'
ON CONFLICT DO NOTHING;

-- name: run_datasets
INSERT INTO registry.run_dataset (run_id, role, snapshot_id)
SELECT format('bench-%s-%s', model, version), 'train', encode(sha256(convert_to('snapshot ' || version, 'UTF8')), 'hex')
FROM generate_series(1, CAST(:models AS int)) AS model, generate_series(1, CAST(:versions AS int)) AS version
ON CONFLICT DO NOTHING;

-- name: models
INSERT INTO registry.model (name, next_version)
SELECT 'bench_' || model, 1 + CAST(:versions AS int) FROM generate_series(1, CAST(:models AS int)) AS model
ON CONFLICT DO NOTHING;

-- name: versions
INSERT INTO registry.model_version (
  model_id, version, run_id, variant, snapshot_id, code_sha256, training_sha256, framework, artifact_uri, manifest, manifest_sha256,
  examples_sha256, training_machine
)
SELECT model_id, version, format('bench-%s-%s', model, version), '', encode(sha256(convert_to('snapshot ' || version, 'UTF8')), 'hex'),
       repeat('1', 64), encode(sha256(convert_to(format('%s %s', model, version), 'UTF8')), 'hex'), 'tensorflow',
       'gs://bench/content/bench_' || model || '/' || content, files, content, repeat('2', 64), 'x86_64'
FROM generate_series(1, CAST(:models AS int)) AS model JOIN registry.model AS known ON known.name = 'bench_' || model,
     generate_series(1, CAST(:versions AS int)) AS version,
     (SELECT jsonb_agg(jsonb_build_object('path', 'file-' || number, 'size', number, 'sha256', repeat('f', 64), 'crc32c', 'AAAAAA==',
                                          'generation', 1800000000000000 + number)) AS files FROM generate_series(1, 12) AS number) AS manifest,
     (SELECT 'b771329cc094e6c8825ed5225eba27b2e7f41120be53d5771b59a627c98c4131' AS content) AS hash                       -- of these files: the registry is held to it when a row is read
ON CONFLICT DO NOTHING;

-- name: metric_names
INSERT INTO registry.metric_name (name) SELECT 'bench_metric_' || name FROM generate_series(1, CAST(:names AS int)) AS name
ON CONFLICT DO NOTHING;

-- name: slices
INSERT INTO registry.slice (slice_key, features)
SELECT CASE slice WHEN 1 THEN '' ELSE 'store=bench ' || slice END,
       CASE slice WHEN 1 THEN '{}' ELSE jsonb_build_object('store', 'bench ' || slice) END
FROM generate_series(1, CAST(:slices AS int)) AS slice
ON CONFLICT DO NOTHING;

-- name: evaluations
INSERT INTO registry.evaluation (model_version_id, snapshot_id, run_id, config_sha256)
SELECT model_version_id, snapshot_id, run_id, repeat('3', 64) FROM registry.model_version WHERE run_id LIKE 'bench-%'
ON CONFLICT DO NOTHING;

-- name: metrics
INSERT INTO registry.metric (evaluation_id, metric_id, slice_id, value, ci_low, ci_high, example_count)
SELECT evaluation_id, metric_id, slice_id, 0.5 + 0.1 * sin(evaluation_id + metric_id + slice_id), 0.3, 0.7, 1000 + slice_id
FROM registry.evaluation, registry.metric_name, registry.slice
WHERE run_id LIKE 'bench-%' AND metric_name.name LIKE 'bench_metric_%' AND (slice_key = '' OR slice_key LIKE 'store=bench %')
ON CONFLICT DO NOTHING;

-- name: blessings
INSERT INTO registry.blessing (model_version_id, run_id, policy_sha256, blessed, checks, decided_by)
SELECT model_version_id, run_id, repeat('4', 64), true, checks, 'gate'
FROM registry.model_version,
     (SELECT jsonb_agg(jsonb_build_object('metric', 'bench_metric_1', 'slice', CAST('{}' AS jsonb), 'rule', 'at least ' || number, 'value', 0.6,
                                          'passed', true, 'baseline', null)) AS checks FROM generate_series(1, 10) AS number) AS rules
WHERE run_id LIKE 'bench-%'
ON CONFLICT DO NOTHING;

-- name: deployments
INSERT INTO registry.deployment_event (model_id, target, seq, action, model_version_id, request_id, actor, reason)
SELECT model_id, target, version, 'deploy', model_version_id, format('bench %s %s', target, model_version_id), 'somebody', 'better'
FROM registry.model_version, unnest(ARRAY['staging', 'prod']) AS target WHERE run_id LIKE 'bench-%'
ORDER BY version
ON CONFLICT DO NOTHING;

-- name: analyze
ANALYZE registry.metric, registry.evaluation, registry.model_version, registry.pipeline_run, registry.deployment_event, registry.blessing,
        registry.run_task, registry.dataset_snapshot, registry.slice, registry.metric_name, registry.run_dataset;
