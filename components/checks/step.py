"""What the steps `inspect` and `validate` do: profiles in, findings out, ranked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.checks.coverage import check_partitions
from components.checks.findings import Finding, ranked, write_findings
from components.checks.page import write_page
from components.checks.rows import check_rows, known_days
from components.checks.skew import find_skew
from components.checks.source import check_source
from components.google import bigquery_client, bigquery_read_client
from components.model.folder import read_model
from components.profiles.file import read_profiles, write_profiles
from components.profiles.profile import Level, tables
from components.profiles.reference import read_reference
from components.profiles.source import profile_source
from components.settings import Settings
from components.snapshot.step import snapshot_of
from components.tfx.artifacts import KfpArtifact


@dataclass(frozen=True)
class Looked:
    """What one look at the data leaves behind, or is given: profiles, findings, their page."""

    profile: KfpArtifact
    findings: KfpArtifact
    page: KfpArtifact


def inspect_source(settings: Settings, model: str, snapshot: KfpArtifact, reference: KfpArtifact, looked: Looked) -> None:
    """Profile the pinned partitions, and look at the table before source.sql reads it."""
    found, pinned, champion = read_model(settings.models_folder, model), snapshot_of(snapshot), read_reference(reference)
    profiles = profile_source(bigquery_read_client(settings), settings, pinned, champion.source)
    write_profiles(profiles, Path(looked.profile.path))
    days, past, known = tables(profiles, Level.SOURCE), tables(champion.source, Level.SOURCE), known_days(profiles, champion.source)
    partitions = check_partitions(found, pinned, days, champion.snapshot, known)
    _write([*partitions, *check_source(found, days, past, known)], model, looked)


def inspect_rows(
    settings: Settings,
    model: str,
    snapshot: KfpArtifact,
    reference: KfpArtifact,
    looked: Looked,
    anomalies: Sequence[Finding],
) -> None:
    """Look at the rows that source.sql gave, besides what ExampleValidator said of them."""
    found, pinned, profiles = read_model(settings.models_folder, model), snapshot_of(snapshot), read_profiles(Path(looked.profile.path))
    rows = check_rows(found, pinned, profiles, read_reference(reference).rows)
    skewed = (
        find_skew(bigquery_client(settings), bigquery_read_client(settings), settings, found, pinned, profiles) if found.serving.log else []
    )
    _write([*anomalies, *rows, *skewed], model, looked)


def _write(findings: Sequence[Finding], model: str, looked: Looked) -> None:
    result = ranked(findings)
    write_findings(result, Path(looked.findings.path))
    write_page(model, result, Path(looked.page.path))
    looked.findings.metadata |= {"findings": len(result), "blocking": sum(finding.blocks for finding in result)}
