CREATE TABLE registry.alarm_notice (                     -- somebody was told of an event of an alarm; it is claimed before it is sent
  alarm_id   bigint  NOT NULL,
  seq        integer NOT NULL,
  channel    text    NOT NULL CHECK (channel IN ('webhook')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (alarm_id, seq, channel),
  FOREIGN KEY (alarm_id, seq) REFERENCES registry.alarm_event
);
SELECT registry.make_append_only('alarm_notice');
SELECT registry.let_writer_insert();
