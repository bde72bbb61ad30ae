"""The steps `inspect` and `validate` on a real table: artifacts in, profiles, findings and their page out."""

from pathlib import Path

import pytest

from components.checks.findings import Finding, read_findings
from components.checks.step import Inspection, inspect_rows, inspect_source
from components.examples.step import write_examples
from components.looks.data_check import DataCheck
from components.profiles.file import read_profiles, write_profiles
from components.profiles.profile import Profiles
from components.profiles.reference import CHAMPION, profiles_file
from components.snapshot.document import SNAPSHOT_FILE
from components.snapshot.step import write_snapshot
from tests.components.artifacts import Artifact, artifact, step
from tests.components.visits import DAYS, Site, day, query, visits


def looked(folder: Path, name: str = "looked") -> Inspection:
    return Inspection(*(artifact(folder / name / part) for part in ("profile", "findings", "page")))


def pinned(site: Site, folder: Path, through: int = DAYS) -> Artifact:
    found = artifact(folder / f"snapshot-{through}")
    write_snapshot(step(site.settings, "visits"), day(through).isoformat(), found)
    return found


def champion(folder: Path, snapshot: Artifact, source: Profiles, rows: Profiles) -> Artifact:
    """What the step `start` leaves of a champion."""
    reference = artifact(folder / "reference")
    Path(reference.path).mkdir()
    (Path(reference.path) / SNAPSHOT_FILE).write_text((Path(snapshot.path) / SNAPSHOT_FILE).read_text())
    (Path(reference.path) / CHAMPION).write_text("3")
    for kind, profiles in (("source", source), ("rows", rows)):
        write_profiles(profiles, Path(reference.path) / profiles_file(kind))
    return reference


def inspected(site: Site, folder: Path, snapshot: Artifact, reference: Artifact) -> tuple[Finding, ...]:
    found = looked(folder, f"looked-{len(list(folder.iterdir()))}")
    inspect_source(step(site.settings, "visits"), snapshot, reference, found)
    findings = read_findings(Path(found.findings.path))
    assert found.findings.metadata == {"findings": len(findings), "blocking": sum(finding.blocks for finding in findings)}
    assert ("Blocked" in Path(found.page.path).read_text()) == any(finding.blocks for finding in findings)
    return findings


def test_good_partitions_give_nothing_and_are_profiled(own_site: Site, tmp_path: Path) -> None:
    own_site.model()
    found = looked(tmp_path)
    inspect_source(step(own_site.settings, "visits"), pinned(own_site, tmp_path), artifact(tmp_path / "none"), found)
    assert read_findings(Path(found.findings.path)) == ()
    assert [part.day for part in read_profiles(Path(found.profile.path))] == [day(number) for number in (3, 4, 5, 6)]
    assert "Nothing found" in Path(found.page.path).read_text()


def test_a_missing_partition_is_found(own_site: Site, tmp_path: Path) -> None:
    own_site.model()
    query(own_site, f"DELETE FROM `{own_site.name}` WHERE day = '{day(4)}'")
    (finding,) = inspected(own_site, tmp_path, pinned(own_site, tmp_path), artifact(tmp_path / "none"))
    assert finding.sentence == f"partition 2026-03-04 of {own_site.name} is missing (1 of 4 between 2026-03-03 and 2026-03-06)"


def test_rows_in_no_partition_of_the_window_are_found(own_site: Site, tmp_path: Path) -> None:
    own_site.model()
    own_site.load([*({**visits(1)[0], "day": None} for _ in range(20)), {**visits(1)[0], "day": "9999-12-31"}])
    found = inspected(own_site, tmp_path, pinned(own_site, tmp_path), artifact(tmp_path / "none"))
    assert [(finding.check, finding.column, finding.blocks) for finding in found] == [
        (DataCheck.NULLS, "day", True),
        (DataCheck.DATE, "day", False),
    ]


def test_a_partition_is_held_against_the_champions(own_site: Site, tmp_path: Path) -> None:
    own_site.model()
    before, good = pinned(own_site, tmp_path, 5), looked(tmp_path, "good")
    inspect_source(step(own_site.settings, "visits"), before, artifact(tmp_path / "none"), good)
    own_site.load([{**row, "seconds": None} for row in visits(6)], day(6))
    own_site.load(visits(4)[:-1], day(4))
    reference = champion(tmp_path, before, read_profiles(Path(good.profile.path)), {})
    found = inspected(own_site, tmp_path, pinned(own_site, tmp_path), reference)
    assert [(finding.check, finding.column, finding.since, finding.blocks) for finding in found] == [
        (DataCheck.NULLS, "seconds", day(6), True),
        (DataCheck.LATE, "", day(4), False),
    ]
    assert found[0].sentence == "column seconds of partition 2026-03-06 is NULL in all 20 rows; never NULL until 2026-03-05"


def test_rows_are_looked_at_beside_what_the_validator_said(own_site: Site, tmp_path: Path) -> None:
    own_site.model(toml={"latency_milliseconds = 50": 'latency_milliseconds = 50\n\n[checks]\ncover = { device = ["phone", "watch"] }'})
    snapshot = pinned(own_site, tmp_path)
    examples, counts, profile = (artifact(tmp_path / name) for name in ("examples", "counts", "profile"))
    write_examples(step(own_site.settings, "visits"), snapshot, examples, counts, profile)
    found = Inspection(profile, artifact(tmp_path / "findings"), artifact(tmp_path / "page"))
    what = "of split train breaks schema.pbtxt"
    anomaly = Finding(check=DataCheck.SCHEMA, level="rows", column="pages", days=0, what=what, remedy="mend it")
    inspect_rows(step(own_site.settings, "visits"), snapshot, artifact(tmp_path / "none"), found, [anomaly])
    assert [(finding.check, finding.column) for finding in read_findings(Path(found.findings.path))] == [
        (DataCheck.COVERAGE, "device"),
        (DataCheck.SCHEMA, "pages"),
    ]


@pytest.mark.parametrize(("log", "said"), [("nowhere.log", "Not found"), (None, "")])
def test_a_log_that_cannot_be_read_is_told_and_blocks_nothing(own_site: Site, tmp_path: Path, log: str | None, said: str) -> None:
    serving = f'latency_milliseconds = 50\nlog = "{log}"\nlog_partition_field = "day"' if log else "latency_milliseconds = 50"
    own_site.model(toml={"latency_milliseconds = 50": serving})
    snapshot = pinned(own_site, tmp_path)
    examples, counts, profile = (artifact(tmp_path / name) for name in ("examples", "counts", "profile"))
    write_examples(step(own_site.settings, "visits"), snapshot, examples, counts, profile)
    found = Inspection(profile, artifact(tmp_path / "findings"), artifact(tmp_path / "page"))
    inspect_rows(step(own_site.settings, "visits"), snapshot, artifact(tmp_path / "none"), found, [])
    findings = read_findings(Path(found.findings.path))
    assert [(finding.check, finding.blocks) for finding in findings] == ([(DataCheck.SKEW, False)] if log else [])
    assert all(said in finding.what for finding in findings)


def test_what_is_logged_is_held_against_the_rows(own_site: Site, tmp_path: Path) -> None:
    log = f"{own_site.table}_log"
    own_site.model(toml={"latency_milliseconds = 50": f'latency_milliseconds = 50\nlog = "{log}"\nlog_partition_field = "day"'})
    query(
        own_site,
        f"CREATE TABLE `{own_site.settings.project}.{log}` PARTITION BY day AS "
        f"SELECT day, pages, seconds * 60 AS seconds, device, 0.5 AS score FROM `{own_site.name}`",
    )
    snapshot = pinned(own_site, tmp_path)
    examples, counts, profile = (artifact(tmp_path / name) for name in ("examples", "counts", "profile"))
    write_examples(step(own_site.settings, "visits"), snapshot, examples, counts, profile)
    found = Inspection(profile, artifact(tmp_path / "findings"), artifact(tmp_path / "page"))
    inspect_rows(step(own_site.settings, "visits"), snapshot, artifact(tmp_path / "none"), found, [])
    (finding,) = read_findings(Path(found.findings.path))
    assert (finding.check, finding.column, finding.blocks) == (DataCheck.SKEW, "seconds", False)
    assert "times as large" in finding.what
