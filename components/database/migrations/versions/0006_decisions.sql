-- Decisions about training models again: who claimed them, what came of them, and what people ordered.
SET LOCAL search_path = registry;

CREATE TABLE decision (                                  -- compare and set: who decides says which decision of the model they saw last
  decision_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model       model_name  NOT NULL,
  seq         integer     NOT NULL CHECK (seq > 0),
  verdict     text        NOT NULL CHECK (verdict IN ('train', 'wait', 'mend', 'roll back')),
  rule        text        NOT NULL CHECK (length(rule) BETWEEN 1 AND 64),
  reason      text        NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 10000),   -- nothing is decided without one
  trigger     run_trigger,                               -- what a training is called after
  through     date,                                      -- the last partition that it is given
  target      text        CHECK (length(target) BETWEEN 1 AND 256),
  reasons     jsonb       NOT NULL CHECK (jsonb_typeof(reasons) = 'array'),   -- [{kind, key, sentence, unripe}] that it answers, or that wait
  subject     sha256      NOT NULL,                      -- of what tells it from the next one: the same is not decided twice in a row
  facts       jsonb       NOT NULL CHECK (jsonb_typeof(facts) = 'object'),
  policy      jsonb       NOT NULL CHECK (jsonb_typeof(policy) = 'object'),
  actor       text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  created_by  text        NOT NULL DEFAULT session_user,
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model, seq),
  CHECK ((verdict = 'train') = (trigger IS NOT NULL)),
  CHECK ((verdict = 'train') = (through IS NOT NULL)),
  CHECK ((verdict = 'roll back') = (target IS NOT NULL)),
  CHECK (verdict <> 'train' OR jsonb_array_length(reasons) > 0)
);
CREATE INDEX ON decision (model, created_at);

CREATE TABLE decision_claim (                            -- compare and set: whoever inserts the next attempt starts the run
  decision_id bigint      NOT NULL REFERENCES decision,
  attempt     integer     NOT NULL CHECK (attempt > 0),  -- another one only when the one before started no run, or its run failed
  run_id      text        NOT NULL UNIQUE CHECK (run_id ~ '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$'),
  host        text        NOT NULL CHECK (length(host) BETWEEN 1 AND 256),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (decision_id, attempt)
);

CREATE TABLE decision_outcome (                          -- what came of it, each thing once
  decision_id bigint      NOT NULL REFERENCES decision,
  kind        text        NOT NULL CHECK (kind IN ('training', 'deployment', 'approval', 'rollback', 'effect')),
  subject     text        NOT NULL CHECK (length(subject) <= 256),   -- the target or the alarm; '' where there is one thing only
  result      text        NOT NULL CHECK (length(result) BETWEEN 1 AND 64),
  sentence    text        NOT NULL CHECK (length(btrim(sentence)) BETWEEN 1 AND 10000),
  version     integer     CHECK (version > 0),
  actor       text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  created_by  text        NOT NULL DEFAULT session_user,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (decision_id, kind, subject)
);

CREATE TABLE standing_order (                            -- the last one of a model holds
  order_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model      model_name  NOT NULL,
  action     text        NOT NULL CHECK (action IN ('pause', 'resume')),
  actor      text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  reason     text        NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 10000),
  created_by text        NOT NULL DEFAULT session_user,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON standing_order (model, order_id);

CREATE TABLE training_request (                          -- somebody, or something outside, asks for a training; an event that comes again is the same
  source     text        NOT NULL CHECK (length(source) BETWEEN 1 AND 256),
  event_id   text        NOT NULL CHECK (length(event_id) BETWEEN 1 AND 256),
  model      model_name  NOT NULL,
  actor      text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  reason     text        NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 10000),
  created_by text        NOT NULL DEFAULT session_user,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source, event_id)
);
CREATE INDEX ON training_request (model, created_at);

-- ---------------------------------------------------------------- a claim that was overtaken starts nothing
-- Both sides take the same lock, so that of two that know nothing of each other one sees the other.
CREATE FUNCTION fence_claim() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last registry.decision_claim;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('perennial decision ' || NEW.decision_id, 0));
  SELECT * INTO last FROM registry.decision_claim WHERE decision_id = NEW.decision_id ORDER BY attempt DESC LIMIT 1;
  IF NEW.attempt > COALESCE(last.attempt, 0) + 1 THEN
    RAISE EXCEPTION 'the next attempt of decision % is %', NEW.decision_id, COALESCE(last.attempt, 0) + 1 USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.attempt = last.attempt + 1 AND EXISTS (
    SELECT FROM registry.pipeline_run WHERE run_id = last.run_id AND state NOT IN ('FAILED', 'CANCELLED')
  ) THEN
    RAISE EXCEPTION 'run % of decision % is under way, or did not fail', last.run_id, NEW.decision_id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fence_claim BEFORE INSERT ON decision_claim FOR EACH ROW EXECUTE FUNCTION fence_claim();

CREATE FUNCTION fence_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  claimed bigint;
BEGIN
  SELECT decision_id INTO claimed FROM registry.decision_claim WHERE run_id = NEW.run_id;
  IF claimed IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('perennial decision ' || claimed, 0));
    IF NEW.run_id <> (SELECT run_id FROM registry.decision_claim WHERE decision_id = claimed ORDER BY attempt DESC LIMIT 1) THEN
      RAISE EXCEPTION 'run % was given up, and another one carries out decision %', NEW.run_id, claimed USING ERRCODE = 'restrict_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fence_run BEFORE INSERT ON pipeline_run FOR EACH ROW EXECUTE FUNCTION fence_run();

SELECT make_append_only('decision', 'decision_claim', 'decision_outcome', 'standing_order', 'training_request');

SELECT let_writer_insert();
