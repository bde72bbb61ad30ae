CREATE TABLE registry.later_metric (                     -- the metrics of a version on a span that it has not learned from
  model_version_id bigint          NOT NULL REFERENCES registry.model_version,
  rows_sha256      registry.sha256 NOT NULL,             -- of the rows' content and of how they are read and measured: the same is not measured twice
  span             date            NOT NULL,
  rows             bigint          NOT NULL CHECK (rows > 0),
  metrics          jsonb           NOT NULL CHECK (jsonb_typeof(metrics) = 'array'),   -- [[name, slice, value, low, high, rows]], of all rows
  created_by       text            NOT NULL DEFAULT session_user,
  created_at       timestamptz     NOT NULL DEFAULT now(),
  PRIMARY KEY (model_version_id, rows_sha256)
);
SELECT registry.make_append_only('later_metric');
SELECT registry.let_writer_insert();
