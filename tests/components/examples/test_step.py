"""The step `read`: an artifact as TFX's ExampleGen would make it."""

from pathlib import Path

import pytest

from components.errors import SourceError
from components.examples.read import read_counts
from components.examples.step import write_examples
from components.profiles.file import read_profiles
from components.profiles.profile import label_population, profiles_by_span
from components.snapshot.step import write_snapshot
from tests.components.artifacts import artifact, step
from tests.components.examples.records import read_split
from tests.components.visits import SQL, VISITORS, Site, day


def test_the_artifact_says_what_is_in_it(site: Site, tmp_path: Path) -> None:
    site.model()
    snapshot, examples, counts, profile = (artifact(tmp_path / name) for name in ("snapshot", "examples", "counts", "profile"))
    write_snapshot(step(site.settings, "visits"), "2026-03-06", snapshot)
    write_examples(step(site.settings, "visits"), snapshot, examples, counts, profile)
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
    profiles = read_profiles(Path(profile.path))
    assert {key.population for key in profiles} == {label_population(0), label_population(1)}
    assert {day: table["pages"].rows for day, table in profiles_by_span(profiles).items()} == {day(4): VISITORS, day(5): VISITORS}
    assert all(set(table) == {"pages", "seconds", "device", "returned"} for table in profiles.values())


def test_a_query_that_the_schema_does_not_know_is_refused_before_a_row_is_read(site: Site, tmp_path: Path) -> None:
    site.model(sql=SQL.replace("pages,", "CAST(pages AS STRING) AS pages,"))
    snapshot, examples, counts, profile = (artifact(tmp_path / name) for name in ("snapshot", "examples", "counts", "profile"))
    write_snapshot(step(site.settings, "visits"), "2026-03-06", snapshot)
    with pytest.raises(SourceError, match=r"^column 'pages' of source.sql of model 'visits' is STRING, schema.pbtxt says INT"):
        write_examples(step(site.settings, "visits"), snapshot, examples, counts, profile)
    assert not Path(examples.path).exists()
