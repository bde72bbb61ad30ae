-- Rows of MLflow's tables, as its clients would have made them: of each model so many versions, of each version a run with so many metrics.
INSERT INTO runs (run_uuid, name, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id, user_id)
SELECT md5(model || ' ' || version), 'run', 'FINISHED', 1, 2, 'active', 'gs://bench/' || md5(model || ' ' || version), 0, 'bench'
FROM generate_series(1, CAST(:models AS int)) AS model, generate_series(1, CAST(:versions AS int)) AS version;

INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)
SELECT 'metric_' || metric, 0.5, 1, run_uuid, 0, false FROM runs, generate_series(1, CAST(:metrics AS int)) AS metric;

INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan)
SELECT key, value, timestamp, run_uuid, step, is_nan FROM metrics;

INSERT INTO registered_models (name, creation_time, last_updated_time)
SELECT 'bench_' || model, 1, 1 FROM generate_series(1, CAST(:models AS int)) AS model;

INSERT INTO model_versions (name, version, creation_time, last_updated_time, current_stage, source, run_id, status)
SELECT 'bench_' || model, version, version, version, 'None', artifact_uri, run_uuid, 'READY'
FROM generate_series(1, CAST(:models AS int)) AS model, generate_series(1, CAST(:versions AS int)) AS version
  JOIN LATERAL (SELECT md5(model || ' ' || version) AS run_uuid) AS named ON true
  JOIN runs USING (run_uuid);

ANALYZE;
