SET LOCAL search_path = registry;

CREATE TABLE partition_comparison (                      -- pinned partitions were written again and were read once more: which have other rows
  model      model_name  NOT NULL,
  written    sha256      NOT NULL,                       -- of the version, those partitions, and when each was written
  changed    date[]      NOT NULL,                       -- empty if all have the rows that the version was trained on
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, written)
);

CREATE TABLE rollout_step (                              -- how a version goes live in steps, beside the version that is live on the target
  decision_id bigint      NOT NULL REFERENCES decision,
  target      text        NOT NULL CHECK (length(target) BETWEEN 1 AND 256),
  seq         integer     NOT NULL CHECK (seq > 0),      -- compare and set: whoever inserts the next one takes the step
  version     integer     NOT NULL CHECK (version > 0),
  stage       text        NOT NULL CHECK (stage IN ('shadow', 'canary', 'live', 'held')),
  share       integer     NOT NULL CHECK (share BETWEEN 0 AND 100),   -- percent of the keys that it answers
  reason      text        NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 10000),
  actor       text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
  created_by  text        NOT NULL DEFAULT session_user,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (decision_id, target, seq),
  CHECK ((stage IN ('shadow', 'held')) = (share = 0)),
  CHECK ((stage = 'live') = (share = 100))
);

SELECT make_append_only('partition_comparison', 'rollout_step');
SELECT let_writer_insert();
