-- name: snapshots_of_run
-- What a run trained on, or would have, had no gate refused it.
SELECT snapshot_id FROM registry.run_dataset WHERE run_id = :run_id AND role = 'train' ORDER BY snapshot_id;
