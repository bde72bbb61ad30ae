-- name: insert_model
INSERT INTO registry.model (name) VALUES (:model) ON CONFLICT (name) DO NOTHING;

-- name: lock_model
-- Whoever holds this lock, until their transaction ends, alone registers versions of the model.
SELECT model_id, pg_advisory_xact_lock(hashtextextended('perennial versions ' || name, 0)) FROM registry.model WHERE name = :model;

-- name: read_pushed
SELECT version, snapshot_id, code_sha256, training_sha256, framework, artifact_uri, manifest_sha256, examples_sha256
FROM registry.model_version WHERE model_id = :model_id AND run_id = :run_id AND variant = :variant;

-- name: insert
-- The database gives the row its number, unless the run has pushed one already. Nobody else can, while the model is locked.
INSERT INTO registry.model_version (
  model_id, run_id, variant, snapshot_id, code_sha256, training_sha256, framework, signature,
  artifact_uri, manifest, manifest_sha256, examples_sha256, training_machine
)
SELECT CAST(:model_id AS bigint), :run_id, :variant, :snapshot_id, :code_sha256, :training_sha256, :framework,
       CAST(:signature AS jsonb), :artifact_uri, CAST(:manifest AS jsonb), :manifest_sha256, :examples_sha256, :training_machine
WHERE NOT EXISTS (
  SELECT FROM registry.model_version WHERE model_id = :model_id AND run_id = :run_id AND variant = :variant
)
RETURNING version;

-- name: link_run
INSERT INTO registry.run_model (run_id, role, model_version_id) VALUES (:run_id, :role, :model_version_id)
ON CONFLICT (run_id, role, model_version_id) DO NOTHING;

-- name: find_trained
SELECT max(version) FROM registry.model_version JOIN registry.model USING (model_id)
WHERE name = :model AND training_sha256 = :training_sha256;

-- name: was_trained
SELECT EXISTS (
  SELECT FROM registry.model_version JOIN registry.model USING (model_id) WHERE name = :model AND code_sha256 = :code_sha256
);

-- name: find_of_run
SELECT max(version) FROM registry.model_version WHERE run_id = :run_id;

-- name: find
SELECT model_version_id FROM registry.model_version JOIN registry.model USING (model_id)
WHERE name = :model AND version = CAST(:version AS bigint);

-- name: models
SELECT name, next_version - 1 AS latest FROM registry.model ORDER BY name;
