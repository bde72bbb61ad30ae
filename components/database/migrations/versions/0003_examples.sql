-- Null in the versions that were made before they were recorded.
ALTER TABLE registry.model_version
  ADD COLUMN examples_sha256  registry.sha256,           -- over all files of examples, in order
  ADD COLUMN training_machine text CHECK (length(training_machine) <= 512);
