-- name: insert
INSERT INTO registry.kubeflow_run (run_id, kubeflow_run, address) VALUES (:run_id, :kubeflow_run, :address) ON CONFLICT (run_id) DO NOTHING;

-- name: find
SELECT kubeflow_run FROM registry.kubeflow_run WHERE run_id = :run_id;

-- name: list_runs
SELECT run_id, state, trigger, reason, parameters ->> 'through' AS through, started_at, finished_at, error, address
FROM registry.pipeline_run LEFT JOIN registry.kubeflow_run USING (run_id)
WHERE model = :model ORDER BY started_at DESC, run_id LIMIT :limit;
