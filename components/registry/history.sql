-- name: versions
-- The newest ones, oldest first. Metrics are what the run that made a version measured on all examples; NaN and infinity are texts.
WITH newest AS (
  SELECT model_version.* FROM registry.model_version JOIN registry.model USING (model_id)
  WHERE model.name = :model ORDER BY version DESC LIMIT CAST(:limit AS bigint)
), live AS MATERIALIZED (                                 -- once, not for each version
  SELECT model_version_id, target FROM registry.live_deployment
  WHERE live_deployment.model_id = (SELECT model_id FROM registry.model WHERE name = :model)
)
SELECT version AS number, variant, run_id, snapshot_id, partition_from, partition_to, git_commit, git_dirty,
       COALESCE(parameters ->> 'waive_gate' = 'true', false) AS waived,
       EXISTS (SELECT FROM registry.deployment_event AS event WHERE event.model_version_id = newest.model_version_id AND forced) AS forced,
       training_sha256, artifact_uri, manifest_sha256, newest.created_at, retirement.model_version_id IS NOT NULL AS retired,
       (SELECT blessed FROM registry.blessing WHERE blessing.model_version_id = newest.model_version_id ORDER BY blessing_id DESC LIMIT 1),
       ARRAY(SELECT target FROM live WHERE live.model_version_id = newest.model_version_id ORDER BY target) AS live_on,
       (SELECT json_object_agg(metric_name.name, value ORDER BY evaluation_id)
        FROM registry.evaluation JOIN registry.metric USING (evaluation_id) JOIN registry.metric_name USING (metric_id)
        WHERE evaluation.model_version_id = newest.model_version_id AND evaluation.run_id = newest.run_id AND evaluation.split = 'eval'
          AND slice_id = (SELECT slice_id FROM registry.slice WHERE slice_key = '')) AS metrics
FROM newest
  JOIN registry.pipeline_run USING (run_id)
  JOIN registry.dataset_snapshot USING (snapshot_id)
  LEFT JOIN registry.retirement USING (model_version_id)
ORDER BY version;

-- name: version
-- One answer holds the version, its run and its snapshot as columns, and what there may be several of as JSON: a thousand metrics are read
-- ten times as fast so. NaN and infinity are texts there.
SELECT version AS number, variant, code_sha256, training_sha256, framework, signature, artifact_uri, manifest,
       examples_sha256, training_machine, model_version.created_by, model_version.created_at AS made_at,
       pipeline_run.*,
       (SELECT address FROM registry.kubeflow_run WHERE kubeflow_run.run_id = pipeline_run.run_id) AS address,
       snapshot_id, document, source_table, snapshot_table, partition_field, partition_from, partition_to, query_sha256, row_count,
       schema_fingerprint, content_checksum,
       retirement.actor AS retired_by, retirement.reason AS retired_because, retirement.created_at AS retired_at,
       (SELECT json_agg(task ORDER BY task.task_name) FROM (
          SELECT task_name, component_name, component_version, cached, seconds FROM registry.run_task
          WHERE run_task.run_id = model_version.run_id
        ) AS task) AS tasks,
       (SELECT json_agg(measured ORDER BY measured.evaluation_id) FROM (
          SELECT evaluation_id, snapshot_id, run_id, config_sha256, split, report_uri,
                 (SELECT json_agg(json_build_array(name, features, value, ci_low, ci_high, example_count) ORDER BY name, slice_key)
                  FROM registry.metric JOIN registry.metric_name USING (metric_id) JOIN registry.slice USING (slice_id)
                  WHERE metric.evaluation_id = evaluation.evaluation_id) AS metrics
          FROM registry.evaluation WHERE evaluation.model_version_id = model_version.model_version_id
        ) AS measured) AS evaluations,
       (SELECT json_agg(verdict ORDER BY verdict.blessing_id) FROM (
          SELECT blessing_id, baseline.version AS baseline_version, blessing.run_id, policy_sha256, blessed, checks, notes, decided_by
          FROM registry.blessing LEFT JOIN registry.model_version AS baseline ON baseline.model_version_id = baseline_id
          WHERE blessing.model_version_id = model_version.model_version_id
        ) AS verdict) AS blessings,
       (SELECT json_agg(event ORDER BY event.event_id DESC) FROM (
          SELECT event_id, target, seq, action, rolls_back_to, forced, smoke, request_id, actor, reason, created_at
          FROM registry.deployment_event WHERE deployment_event.model_version_id = model_version.model_version_id
        ) AS event) AS deployments,
       ARRAY(                                             -- as the view live_deployment has it, without reading the model's whole history
         SELECT target FROM registry.deployment_event AS event
         WHERE event.model_version_id = model_version.model_version_id AND NOT EXISTS (
           SELECT FROM registry.deployment_event AS later
           WHERE later.model_id = event.model_id AND later.target = event.target AND later.seq > event.seq
         )
         ORDER BY target
       ) AS live_on
FROM registry.model
  JOIN registry.model_version USING (model_id)
  JOIN registry.pipeline_run USING (run_id)
  JOIN registry.dataset_snapshot USING (snapshot_id)
  LEFT JOIN registry.retirement USING (model_version_id)
WHERE model.name = :model AND version = CAST(:number AS bigint);
