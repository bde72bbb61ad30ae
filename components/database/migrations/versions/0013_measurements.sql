SET LOCAL search_path = registry;

ALTER TABLE decision
  DROP CONSTRAINT decision_verdict_check,
  ADD CONSTRAINT decision_verdict_check CHECK (verdict IN ('train', 'wait', 'mend', 'roll back', 'measure')),
  ADD CHECK (verdict <> 'measure' OR jsonb_array_length(reasons) = 1);

CREATE INDEX ON decision (decision_id) WHERE verdict = 'measure';   -- few of many: each look asks which are open

ALTER TABLE decision_outcome
  DROP CONSTRAINT decision_outcome_kind_check,
  ADD CONSTRAINT decision_outcome_kind_check CHECK (kind IN ('training', 'deployment', 'approval', 'rollback', 'measurement', 'effect'));

CREATE TABLE ageing (                                    -- how fast versions of a model age, as it was measured: the last row counts
  ageing_id  bigint             GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model      model_name         NOT NULL,
  metric     text               NOT NULL,                                                   -- by which they were held against each other
  ages       integer[]          NOT NULL CHECK (cardinality(ages) > 0),                     -- in days
  losses     double precision[] NOT NULL CHECK (cardinality(losses) = cardinality(ages)),   -- what a version of each age loses
  created_by text               NOT NULL DEFAULT session_user,
  created_at timestamptz        NOT NULL DEFAULT now()
);
CREATE INDEX ON ageing (model, metric, ageing_id);

SELECT make_append_only('ageing');
SELECT let_writer_insert();
