"""The step `pin`: the document in an artifact."""

from pathlib import Path

import pytest

from components.errors import ModelFolderError
from components.snapshot.step import snapshot_of, write_snapshot
from tests.components.artifacts import artifact, step
from tests.components.visits import Site


def test_the_artifact_holds_the_snapshot_and_says_which_it_is(site: Site, tmp_path: Path) -> None:
    pinned = site.pin(site.model())
    written = artifact(tmp_path / "snapshot")
    write_snapshot(step(site.settings, "visits"), "2026-03-06", written)
    assert snapshot_of(written) == pinned
    assert written.metadata == {"snapshot_id": pinned.snapshot_id, "snapshot_table": pinned.snapshot_table, "source_rows": 80}


def test_an_unknown_model_is_refused(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match=r"^model 'nobody' is unknown"):
        write_snapshot(step(site.settings, "nobody"), "2026-03-06", artifact(tmp_path / "snapshot"))
