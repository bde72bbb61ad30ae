SET LOCAL search_path = registry;

CREATE TABLE served_verdict (                            -- what the served rows of two versions said of a step, by the labels known then
  decision_id bigint      NOT NULL REFERENCES decision,
  target      text        NOT NULL CHECK (length(target) BETWEEN 1 AND 256),
  measured    sha256      NOT NULL,                      -- of both versions and what monitoring had measured of them: the same is not asked twice
  verdict     text        NOT NULL CHECK (verdict IN ('worse', 'better', 'as good', 'not yet known', 'no such rows')),
  sentence    text        NOT NULL CHECK (length(btrim(sentence)) BETWEEN 1 AND 10000),
  created_by  text        NOT NULL DEFAULT session_user,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (decision_id, target, measured)
);

SELECT make_append_only('served_verdict');
SELECT let_writer_insert();
