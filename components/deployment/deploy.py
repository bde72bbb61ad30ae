"""Deploy a version or roll back to one: publish its bytes, test them as they are served, then switch the target and record it together.

If any of this fails, the version that was live stays live.
"""

import logging
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from google.cloud import storage

from components.cloud import Cloud
from components.deployment.smoke import Smoke, smoke_test
from components.deployment.target import repair_target, switch
from components.errors import AccessError, PerennialError, RegistryError
from components.model.folder import model_names, read_model
from components.registry.deployments import (
    Action,
    Candidate,
    Event,
    NewEvent,
    Request,
    append,
    find_request,
    history,
    last_event,
    read_candidate,
    require_not_retired,
    restorable,
)
from components.registry.publish import publish_version
from components.registry.retirements import retired
from components.storage.errors import storage_errors
from components.storage.manifest import NAME, Manifest
from components.storage.objects import blobs_by_path, pull_file, split_uri
from components.training.signatures import require_servable

log = logging.getLogger(__name__)

PULLS_AT_ONCE = 8


@dataclass(frozen=True)
class DeploymentResult:
    """The outcome of a request to deploy or to roll back."""

    event: Event
    is_new: bool
    """Whether the request changed anything: it did not if it had been carried out before, or if the version was live already."""
    repaired: str | None = None
    """What was wrong with the target's configuration and was corrected; None if nothing was."""
    seconds: dict[str, float] = field(default_factory=dict)
    """The seconds that each step took."""


@dataclass(frozen=True)
class _Plan:
    """Which version a request leads to."""

    version: int
    seen: int
    """The sequence number of the target's last deployment when the plan was made."""
    rolls_back_to: Event | None = None


def deploy(cloud: Cloud, request: Request, *, force: bool = False, seen: int | None = None) -> DeploymentResult:
    """Make a version the live one of a target. `force` also deploys a version that no gate let through or that cannot be tested in full.

    Args:
        cloud: the services.
        request: what is wanted, by whom and why.
        force: see above.
        seen: the number of the target's last deployment when this was decided, 0 for none; None if it was decided this moment.

    Raises:
        RegistryError: the version is unknown, retired, not blessed, changed, or not as it was; or something else was deployed meanwhile.
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    return _earlier_result(cloud, request) or _carry_out(cloud, request, _plan_deployment(cloud, request, seen), force=force)


def rollback(cloud: Cloud, request: Request, *, force: bool = False, seen: int | None = None) -> DeploymentResult:
    """Deploy the version that was live on a target before, or the one that the request names, which must have been live there once.

    `seen` as for `deploy`.

    Raises:
        RegistryError: there is no version to go back to, or as for `deploy`. A version that was forced once need not be forced again.
        AccessError: as for `deploy`.
    """
    return _earlier_result(cloud, request) or _carry_out(cloud, request, _plan_rollback(cloud, request, seen), force=force)


def _earlier_result(cloud: Cloud, request: Request) -> DeploymentResult | None:
    with cloud.engine.connect() as connection:
        made = find_request(connection, request)
    return None if made is None else DeploymentResult(made, is_new=False, repaired=_repair(cloud, request))


def _repair(cloud: Cloud, request: Request) -> str | None:
    return repair_target(cloud.engine, cloud.storage, cloud.settings, request.target)


def _plan_deployment(cloud: Cloud, request: Request, seen: int | None = None) -> _Plan:
    if request.version is None:
        raise RegistryError(f"say which version of {request.model} to deploy: `perennial versions {request.model}` lists them")
    with cloud.engine.connect() as connection:
        last = last_event(connection, request.model, request.target)
    return _Plan(request.version, seen if seen is not None else last.seq if last else 0)


def _plan_rollback(cloud: Cloud, request: Request, seen: int | None) -> _Plan:
    """Find the version that a rollback goes to. If the request names the live version, that is the one."""
    with cloud.engine.connect() as connection:
        events = history(connection, request.model, request.target)
        retired_versions = retired(connection, request.model)
        if request.version is not None:
            require_not_retired(request.model, read_candidate(connection, request.model, request.version))
    if not events:
        raise RegistryError(f"{request.model} was never deployed to {request.target}: there is nothing to roll back; `perennial deploy` it")
    if request.version is not None:
        candidates = [event for event in events if event.version == request.version and event.action == Action.DEPLOY]
        sentence = f"version {request.version} of {request.model} was never live on {request.target}"
    else:
        candidates = restorable(events, retired=frozenset(retired_versions))
        sentence = f"nothing was live on {request.target} before {request.model} {events[0].version} that a rollback may go to"
    if not candidates or candidates[0].version is None:
        raise RegistryError(f"{sentence}: look at `perennial history {request.model} --target {request.target}`, or deploy a version")
    return _Plan(candidates[0].version, events[0].seq if seen is None else seen, candidates[0])


def _carry_out(cloud: Cloud, request: Request, plan: _Plan, *, force: bool) -> DeploymentResult:
    repaired, seconds = _repair(cloud, request), dict[str, float]()
    what = f"{request.model} {plan.version}"
    with cloud.engine.connect() as connection:
        last = last_event(connection, request.model, request.target)
        if last is not None and (last.seq, last.version) == (plan.seen, plan.version):
            return DeploymentResult(last, is_new=False, repaired=repaired)
        candidate = read_candidate(connection, request.model, plan.version)
    require_not_retired(request.model, candidate)
    require_servable([entry.path for entry in candidate.manifest.entries], what)
    may_force = force or (plan.rolls_back_to is not None and plan.rolls_back_to.forced)
    _require_clean(cloud, request, candidate, what)
    doubts = _gate_doubts(candidate.blessed)
    _refuse_doubts(what, doubts, may_force=may_force)
    smoke = _publish_and_test(cloud, request, plan, candidate.manifest, seconds)
    doubts += smoke.doubts
    _refuse_doubts(what, doubts, may_force=may_force)
    new = NewEvent(
        request=request,
        version=plan.version,
        seen=plan.seen,
        rolls_back_to=plan.rolls_back_to.seq if plan.rolls_back_to else None,
        forced=bool(doubts),
        smoke={name: value for name, value in asdict(smoke).items() if value is not None},
    )
    with _timed(seconds, "switch"):
        event = _switch_and_record(cloud, new)
    return DeploymentResult(event, is_new=True, repaired=repaired, seconds=seconds)


def _require_clean(cloud: Cloud, request: Request, candidate: Candidate, what: str) -> None:
    """Refuse a marked version where model.toml asks for clean ones. Nothing forces it: whoever may change model.toml may."""
    folder = cloud.settings.models_folder
    if request.model not in model_names(folder) or not read_model(folder, request.model).targets.requires_clean(request.target):
        return
    wrong = [*candidate.marks.sentences, *(f"it {doubt}" for doubt in _gate_doubts(candidate.blessed))]
    if wrong:
        raise RegistryError(
            f"{what} may not go to {request.target}, which takes clean versions only (targets.require_clean in model.toml): "
            f"{' and '.join(wrong)}; train a version from what is committed, and deploy that one"
        )


def _gate_doubts(blessed: bool | None) -> tuple[str, ...]:
    if blessed is None:
        return ("was never judged by the gate",)
    return () if blessed else ("was refused by the gate",)


def _refuse_doubts(what: str, doubts: tuple[str, ...], *, may_force: bool) -> None:
    if doubts and not may_force:
        raise RegistryError(f"{what} {' and '.join(doubts)}: deploy another version, or this one with --force and a --reason")


def _publish_and_test(cloud: Cloud, request: Request, plan: _Plan, manifest: Manifest, seconds: dict[str, float]) -> Smoke:
    """Publish the version, fetch the bytes from where they are served, and test those."""
    bucket, what = cloud.settings.bucket, f"{request.model} {plan.version}"
    with _timed(seconds, "publish"):
        uri = publish_version(
            cloud.storage, bucket, model=request.model, number=plan.version, uri=manifest.uri, metadata={"request": request.request_id}
        )
    with tempfile.TemporaryDirectory(prefix="perennial-") as temporary:
        folder = Path(temporary, request.model)
        with _timed(seconds, "checksums"):
            _pull_served(cloud.storage, uri, manifest, folder)
        with _timed(seconds, "smoke test"):
            return smoke_test(folder, what)


def _pull_served(client: storage.Client, uri: str, manifest: Manifest, folder: Path) -> None:
    """Copy the objects that are served at `uri` to a local folder. They must be exactly those of the manifest, each with its SHA-256.

    Raises:
        RegistryError: an object is missing, was changed, or is not in the manifest.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    bucket, prefix = split_uri(uri)
    with storage_errors(bucket):
        served = blobs_by_path(client, bucket, prefix)
        expected = {entry.path for entry in manifest.entries}
        if strangers := sorted(served.keys() - expected - {NAME}):
            raise RegistryError(f"{uri}/{strangers[0]} is no part of the version: something else wrote it; delete the object and try again")
        entries = [replace(entry, generation=int(served[entry.path].generation)) for entry in manifest.entries if entry.path in served]
        if missing := sorted(expected - served.keys()):
            raise RegistryError(f"{uri}/{missing[0]} is missing: run the command again")
        with ThreadPoolExecutor(PULLS_AT_ONCE) as pool:
            list(pool.map(lambda entry: pull_file(client.bucket(bucket), prefix, entry, folder), entries))


def _switch_and_record(cloud: Cloud, new: NewEvent) -> Event:
    """Switch the target and record it, or do neither. If a service's answer is lost, the configuration is restored from the log."""
    try:
        with cloud.engine.begin() as connection:
            event = append(connection, new)
            switch(connection, cloud.storage, cloud.settings, new.request.target)
    except AccessError:
        try:
            _repair(cloud, new.request)
        except PerennialError as error:
            log.warning("the configuration is put back by the next command", extra={"target": new.request.target, "error": str(error)})
        raise
    return event


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds[step] = time.perf_counter() - begin
