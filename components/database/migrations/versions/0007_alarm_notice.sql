CREATE TABLE registry.alarm_notice (                     -- somebody was told of an event of an alarm; it is claimed before it is sent
  alarm_id   bigint  NOT NULL,
  seq        integer NOT NULL,
  channel    text    NOT NULL CHECK (channel IN ('webhook')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (alarm_id, seq, channel),
  FOREIGN KEY (alarm_id, seq) REFERENCES registry.alarm_event
);
CREATE TRIGGER no_update BEFORE UPDATE ON registry.alarm_notice FOR EACH ROW EXECUTE FUNCTION registry.forbid_change();
CREATE TRIGGER no_delete BEFORE DELETE ON registry.alarm_notice FOR EACH ROW EXECUTE FUNCTION registry.forbid_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON registry.alarm_notice EXECUTE FUNCTION registry.forbid_change();
SELECT registry.let_writer_insert();
