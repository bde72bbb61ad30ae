SET LOCAL search_path = registry;

ALTER TABLE live_day
  ADD COLUMN slice_scores jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(slice_scores) = 'array');   -- rows by score, as in scores, of slices

SELECT let_writer_insert();
