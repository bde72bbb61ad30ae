"""All that `perennial verify` looks at: versions, what belongs to none, and what the targets are told to serve."""

from collections.abc import Callable
from dataclasses import dataclass, field

from components.cloud import Cloud
from components.deployment.target import config_uri, repair_target, target_problem
from components.errors import RegistryError
from components.registry.publish import publish_version
from components.upkeep.inventory import Scope, StoredVersion, count_versions, require_scope, stored_versions
from components.upkeep.leftovers import leftovers
from components.upkeep.verify import Kind, Reads, StorageFinding, of_leftover, verify_version


@dataclass
class Verification:
    """What `verify` found."""

    versions: int = 0
    findings: list[StorageFinding] = field(default_factory=list)
    """What is still wrong after repairs."""
    repaired: list[StorageFinding] = field(default_factory=list)


def verify(cloud: Cloud, scope: Scope, *, reads: Reads, repair: bool, progress: Callable[[int, int], object]) -> Verification:
    """Hold the bucket against the registry. To repair is to finish what was not: versions are published, targets told what the log says.

    Raises:
        RegistryError: there is no such model or version.
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    require_scope(cloud.engine, scope)
    found, count = Verification(), count_versions(cloud.engine, scope)
    for version in stored_versions(cloud.engine, scope):
        _add_version(cloud, version, found, reads=reads, repair=repair)
        progress(found.versions, count)
    if scope.number is None:
        found.findings += map(of_leftover, leftovers(cloud.engine, cloud.storage, cloud.settings.bucket, model=scope.model))
    for target in cloud.settings.targets:
        _add_target(cloud, target, found, repair=repair)
    return found


def _add_version(cloud: Cloud, version: StoredVersion, found: Verification, *, reads: Reads, repair: bool) -> None:
    bucket = cloud.settings.bucket
    findings = verify_version(cloud.storage, bucket, version, reads=reads)
    unpublished = [finding for finding in findings if finding.kind == Kind.UNPUBLISHED]
    if repair and unpublished:
        try:
            uri, metadata = version.manifest.uri, {"run": version.run_id}
            publish_version(cloud.storage, bucket, model=version.model, number=version.number, uri=uri, metadata=metadata)
        except RegistryError:
            pass  # what kept it from being published is among the findings
        else:
            found.repaired += unpublished
            findings = verify_version(cloud.storage, bucket, version, reads=reads)
    found.versions += 1
    found.findings += findings


def _add_target(cloud: Cloud, target: str, found: Verification, *, repair: bool) -> None:
    if repair:
        wrong = repair_target(cloud.engine, cloud.storage, cloud.settings, target)
    else:
        with cloud.engine.begin() as connection:
            wrong = target_problem(connection, cloud.storage, cloud.settings, target)
    if wrong:
        uri = config_uri(cloud.settings, target)
        finding = StorageFinding(Kind.TARGET, uri, wrong.removeprefix(f"{uri} "), "run `perennial verify --repair`")
        (found.repaired if repair else found.findings).append(finding)
