CREATE TABLE registry.partition_comparison (             -- pinned partitions were written again and were read once more: which have other rows
  model      registry.model_name  NOT NULL,
  written    registry.sha256  NOT NULL,                       -- of the version, those partitions, and when each was written
  changed    date[]      NOT NULL,                       -- empty if all have the rows that the version was trained on
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, written)
);
SELECT registry.make_append_only('partition_comparison');
SELECT registry.let_writer_insert();
