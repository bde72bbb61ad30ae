-- name: find
-- What a target serves, else the newest version that was let through. A version that was
-- retired, or whose data were waved through, is no measure of good data.
SELECT version, snapshot_id, model_version.run_id
FROM registry.model_version
  JOIN registry.model USING (model_id)
  JOIN registry.pipeline_run USING (run_id)
  LEFT JOIN registry.live_deployment USING (model_version_id)
WHERE model.name = :model
  AND parameters ->> 'waive_gate' IS DISTINCT FROM 'true'
  AND NOT EXISTS (SELECT FROM registry.retirement WHERE retirement.model_version_id = model_version.model_version_id)
  AND EXISTS (SELECT FROM registry.blessing WHERE blessing.model_version_id = model_version.model_version_id AND blessed)
ORDER BY live_deployment.target IS NOT NULL DESC, version DESC
LIMIT 1;
