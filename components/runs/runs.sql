-- name: insert
INSERT INTO registry.pipeline_run (
  run_id, model, pipeline_name, pipeline_version, pipeline_sha256, parameters, trigger, reason,
  git_commit, git_dirty, environment_digest, image_digest, package_versions, host, service_account
) VALUES (
  :run_id, :model, :pipeline_name, :pipeline_version, :pipeline_sha256, CAST(:parameters AS jsonb), :trigger, :reason,
  :git_commit, :git_dirty, :environment_digest, :image_digest, CAST(:package_versions AS jsonb), :host, :service_account
)
ON CONFLICT (run_id) DO NOTHING;

-- name: read
SELECT pipeline_run.*, address FROM registry.pipeline_run LEFT JOIN registry.kubeflow_run USING (run_id) WHERE run_id = :run_id;

-- name: insert_tasks
INSERT INTO registry.run_task (run_id, task_name, component_name, component_version, cached, seconds)
SELECT :run_id, task_name, component_name, component_version, cached, seconds
FROM jsonb_to_recordset(CAST(:tasks AS jsonb))
  AS task (task_name text, component_name text, component_version text, cached boolean, seconds double precision)
ON CONFLICT (run_id, task_name) DO NOTHING;

-- name: read_tasks
SELECT task_name, component_name, component_version, cached, seconds
FROM registry.run_task WHERE run_id = :run_id ORDER BY task_name;

-- name: lock
SELECT state FROM registry.pipeline_run WHERE run_id = :run_id FOR UPDATE;

-- name: finish
UPDATE registry.pipeline_run AS run
SET (state, error, finished_at) = (
  SELECT CASE WHEN count(*) > 0 THEN 'SUCCEEDED' ELSE CAST(:state AS text) END,
         CASE WHEN count(*) > 0 THEN NULL ELSE CAST(:error AS text) END,
         now()
  FROM registry.model_version
  WHERE model_version.run_id = run.run_id
    AND NOT EXISTS (SELECT FROM registry.blessing WHERE blessing.model_version_id = model_version.model_version_id AND NOT blessed)
)
WHERE run_id = :run_id AND state = 'RUNNING';

-- name: lock_interrupted
SELECT run_id FROM registry.pipeline_run WHERE model = :model AND host = :host AND state = 'RUNNING' ORDER BY run_id FOR UPDATE;

-- name: close_interrupted
UPDATE registry.pipeline_run AS run
SET (state, error, finished_at) = (
  SELECT CASE WHEN count(*) > 0 THEN 'SUCCEEDED' ELSE 'FAILED' END,
         CASE WHEN count(*) > 0 THEN NULL ELSE 'interrupted' END,
         now()
  FROM registry.model_version WHERE model_version.run_id = run.run_id
)
WHERE run_id = ANY(CAST(:run_ids AS text[])) AND state = 'RUNNING'
RETURNING run_id;
