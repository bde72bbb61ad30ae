SET LOCAL search_path = registry;

ALTER TABLE alarm
  DROP CONSTRAINT alarm_kind_check,
  ADD CONSTRAINT alarm_kind_check CHECK (kind IN ('metric', 'input', 'coverage', 'service'));

ALTER TABLE live_day                                     -- a day on which every request was refused has none
  DROP CONSTRAINT live_day_row_count_check,
  ADD CONSTRAINT live_day_row_count_check CHECK (row_count >= 0);
