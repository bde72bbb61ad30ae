"""The steps `inspect` and `validate`: check profiles, and rank what they find."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from components.checks.coverage import check_partitions
from components.checks.dates import check_source_dates
from components.checks.findings import Finding, ranked, write_findings
from components.checks.page import write_findings_page
from components.checks.rows import check_rows, known_days
from components.checks.skew import find_skew
from components.checks.source import check_source
from components.checks.table import same_but_type
from components.model.folder import Model
from components.profiles.file import read_profiles, write_profiles
from components.profiles.profile import SOURCE_TABLE, profiles_by_day
from components.profiles.reference import read_reference
from components.profiles.source import cluster_column, profile_source
from components.runs.outcome import Step
from components.snapshot.step import snapshot_of
from components.tfx.artifacts import KfpArtifact


@dataclass(frozen=True)
class Inspection:
    """The artifacts of one inspection of the data: profiles, findings and their page."""

    profile: KfpArtifact
    findings: KfpArtifact
    page: KfpArtifact


def inspect_source(step: Step, snapshot: KfpArtifact, reference: KfpArtifact, inspection: Inspection) -> None:
    """Profile the pinned partitions, and check the table before source.sql reads it."""
    pinned, champion = snapshot_of(snapshot), read_reference(reference)
    with ThreadPoolExecutor(1) as beside:  # BigQuery counts dates while rows are streamed
        dates = beside.submit(check_source_dates, step.cloud, step.model)
        profiles = profile_source(step.cloud, pinned, champion.source, cluster=cluster_column(step.model, pinned))
        write_profiles(profiles, Path(inspection.profile.path))
    days, past = profiles_by_day(profiles, SOURCE_TABLE), profiles_by_day(champion.source, SOURCE_TABLE)
    known = known_days(profiles, champion.source) | same_but_type(step.model, champion.snapshot, days, past)
    partitions = check_partitions(step.model, pinned, days, champion.snapshot, known)
    _write([*dates.result(), *partitions, *check_source(step.model, days, past, known)], step.model, inspection)


def inspect_rows(step: Step, snapshot: KfpArtifact, reference: KfpArtifact, inspection: Inspection, anomalies: Sequence[Finding]) -> None:
    """Check the rows of source.sql. Their `anomalies` are what ExampleValidator found."""
    model, pinned, profiles = step.model, snapshot_of(snapshot), read_profiles(Path(inspection.profile.path))
    rows = check_rows(model, pinned, profiles, read_reference(reference).rows)
    skewed = find_skew(step.cloud, model, pinned, profiles) if model.serving.log else []
    _write([*anomalies, *rows, *skewed], model, inspection)


def _write(findings: Sequence[Finding], model: Model, inspection: Inspection) -> None:
    write_inspection(ranked(findings), model, inspection)


def write_inspection(findings: Sequence[Finding], model: Model, inspection: Inspection) -> None:
    """Write ranked findings and their page."""
    write_findings(findings, Path(inspection.findings.path))
    write_findings_page(model.name, findings, Path(inspection.page.path), ignored=model.checks.ignore)
    inspection.findings.metadata |= {"findings": len(findings), "blocking": sum(finding.blocks for finding in findings)}
