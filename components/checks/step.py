"""What the steps `inspect` and `validate` do: profiles in, findings out, ranked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.checks.coverage import check_partitions
from components.checks.findings import Finding, ranked, write_findings
from components.checks.page import write_findings_page
from components.checks.rows import check_rows, known_days
from components.checks.skew import find_skew
from components.checks.source import check_source
from components.model.folder import Model
from components.profiles.file import read_profiles, write_profiles
from components.profiles.profile import SOURCE_TABLE, profiles_by_day
from components.profiles.reference import read_reference
from components.profiles.source import profile_source
from components.runs.outcome import Step
from components.snapshot.step import snapshot_of
from components.tfx.artifacts import KfpArtifact


@dataclass(frozen=True)
class Looked:
    """What one look at the data leaves behind, or is given: profiles, findings, their page."""

    profile: KfpArtifact
    findings: KfpArtifact
    page: KfpArtifact


def inspect_source(step: Step, snapshot: KfpArtifact, reference: KfpArtifact, looked: Looked) -> None:
    """Profile the pinned partitions, and look at the table before source.sql reads it."""
    pinned, champion = snapshot_of(snapshot), read_reference(reference)
    profiles = profile_source(step.cloud.reader, step.settings, pinned, champion.source)
    write_profiles(profiles, Path(looked.profile.path))
    days, past = profiles_by_day(profiles, SOURCE_TABLE), profiles_by_day(champion.source, SOURCE_TABLE)
    known = known_days(profiles, champion.source)
    partitions = check_partitions(step.model, pinned, days, champion.snapshot, known)
    _write([*partitions, *check_source(step.model, days, past, known)], step.model, looked)


def inspect_rows(step: Step, snapshot: KfpArtifact, reference: KfpArtifact, looked: Looked, anomalies: Sequence[Finding]) -> None:
    """Look at the rows that source.sql gave, besides what ExampleValidator said of them."""
    model, pinned, profiles = step.model, snapshot_of(snapshot), read_profiles(Path(looked.profile.path))
    rows = check_rows(model, pinned, profiles, read_reference(reference).rows)
    cloud = step.cloud
    skewed = find_skew(cloud.warehouse, cloud.reader, step.settings, model, pinned, profiles) if model.serving.log else []
    _write([*anomalies, *rows, *skewed], model, looked)


def _write(findings: Sequence[Finding], model: Model, looked: Looked) -> None:
    result = ranked(findings)
    write_findings(result, Path(looked.findings.path))
    write_findings_page(model.name, result, Path(looked.page.path))
    looked.findings.metadata |= {"findings": len(result), "blocking": sum(finding.blocks for finding in result)}
