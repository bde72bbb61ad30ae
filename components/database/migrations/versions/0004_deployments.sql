SET LOCAL search_path = registry;

ALTER TABLE model_version ADD CONSTRAINT model_version_of_model UNIQUE (model_version_id, model_id);

DROP VIEW live_deployment;

ALTER TABLE deployment_event                             -- a target serves one version of each model, so each has a sequence of its own
  DROP CONSTRAINT deployment_event_target_rolls_back_to_fkey,
  DROP CONSTRAINT deployment_event_target_seq_key,
  DROP CONSTRAINT deployment_event_model_version_id_fkey,
  DROP COLUMN traffic,
  ADD COLUMN model_id bigint  NOT NULL REFERENCES model,
  ADD COLUMN forced   boolean NOT NULL DEFAULT false,    -- deployed although no gate let it through
  ADD COLUMN smoke    jsonb   NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(smoke) = 'object'),   -- what the smoke test measured
  ADD CHECK (length(actor) BETWEEN 1 AND 256),
  ADD CHECK (length(reason) <= 10000),
  ADD UNIQUE (model_id, target, seq),
  ADD FOREIGN KEY (model_id, target, rolls_back_to) REFERENCES deployment_event (model_id, target, seq),
  ADD FOREIGN KEY (model_version_id, model_id) REFERENCES model_version (model_version_id, model_id);

CREATE VIEW live_deployment AS                           -- undeployed ones are not live
  SELECT * FROM (
    SELECT DISTINCT ON (model_id, target) * FROM deployment_event ORDER BY model_id, target, seq DESC
  ) AS last WHERE action <> 'undeploy';

CREATE TABLE retirement (                                -- never to be deployed again; its bytes may go to cold storage
  model_version_id bigint PRIMARY KEY REFERENCES model_version,
  actor            text   NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  reason           text   NOT NULL CHECK (length(reason) <= 10000),
  created_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER no_update BEFORE UPDATE ON retirement FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER no_delete BEFORE DELETE ON retirement FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON retirement EXECUTE FUNCTION forbid_change();
