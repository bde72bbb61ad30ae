"""The step `read`: an artifact as TFX's ExampleGen would make it."""

from pathlib import Path

from components.examples.read import read_counts
from components.examples.step import write_examples
from components.snapshot.step import write_snapshot
from tests.components.artifacts import artifact
from tests.components.examples.records import read_split
from tests.components.visits import VISITORS, Site


def test_the_artifact_says_what_is_in_it(site: Site, tmp_path: Path) -> None:
    site.model()
    snapshot, examples, counts = (artifact(tmp_path / name) for name in ("snapshot", "examples", "counts"))
    write_snapshot(site.settings, "visits", "2026-03-06", snapshot)
    write_examples(site.settings, "visits", snapshot, examples, counts)
    assert examples.metadata == {
        "tfx_type": "Examples",
        "split_names": '["train","eval"]',
        "payload_format": "FORMAT_TF_EXAMPLE",
        "file_format": "tfrecords_gzip",
        "rows": 2 * VISITORS,
    }
    found = {split: sum(map(len, read_split(Path(examples.path), split).values())) for split in ("train", "eval")}
    counted = {split: sum(count.rows for count in read_counts(Path(counts.path)) if count.split == split) for split in ("train", "eval")}
    assert found == counted
