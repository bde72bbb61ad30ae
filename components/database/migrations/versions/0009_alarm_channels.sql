ALTER TABLE registry.alarm_notice
  DROP CONSTRAINT alarm_notice_channel_check,
  ADD CONSTRAINT alarm_notice_channel_check CHECK (channel IN ('webhook', 'mail', 'event'));
