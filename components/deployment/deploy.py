"""Deploy a version, or roll back to one: publish its bytes, test them as they are served, then switch the target and record it, at once.

Whatever fails, and whenever, the version that was live stays live.
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
from components.registry.deployments import (
    Action,
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

log = logging.getLogger(__name__)

PULLS_AT_ONCE = 8


@dataclass(frozen=True)
class Deployed:
    """What came of a request."""

    event: Event
    is_new: bool
    """Whether it changed anything: not when this very request was made before, or when the version was live already."""
    repaired: str | None = None
    """What was wrong with the target's configuration before."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By step."""


@dataclass(frozen=True)
class _Plan:
    """What a request leads to, before the bytes are looked at."""

    version: int
    seen: int
    rolls_back_to: Event | None = None


def deploy(cloud: Cloud, request: Request, *, force: bool = False) -> Deployed:
    """Make a version the live one of a target. `force` is for versions that no gate let through or that could not be tested in full.

    Raises:
        RegistryError: the version is unknown, retired, not blessed, changed, or not as it was; or something else was deployed meanwhile.
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    return _done_before(cloud, request) or _carry_out(cloud, request, _deployment(cloud, request), force=force)


def rollback(cloud: Cloud, request: Request, *, force: bool = False) -> Deployed:
    """Go back to what was live before on a target, or to the version that the request names, which was live there once.

    Raises:
        RegistryError: there is nothing to go back to, or as for `deploy`. What was forced once need not be forced again.
        AccessError: as for `deploy`.
    """
    return _done_before(cloud, request) or _carry_out(cloud, request, _return(cloud, request), force=force)


def _done_before(cloud: Cloud, request: Request) -> Deployed | None:
    with cloud.engine.connect() as connection:
        made = find_request(connection, request)
    return None if made is None else Deployed(made, is_new=False, repaired=_repair(cloud, request))


def _repair(cloud: Cloud, request: Request) -> str | None:
    return repair_target(cloud.engine, cloud.storage, cloud.settings, request.target)


def _deployment(cloud: Cloud, request: Request) -> _Plan:
    if request.version is None:
        raise RegistryError(f"say which version of {request.model} to deploy: `perennial versions {request.model}` lists them")
    with cloud.engine.connect() as connection:
        last = last_event(connection, request.model, request.target)
    return _Plan(request.version, last.seq if last else 0)


def _return(cloud: Cloud, request: Request) -> _Plan:
    """Where a rollback goes. To the version that is live already, if that is what is asked for."""
    with cloud.engine.connect() as connection:
        events = history(connection, request.model, request.target)
        gone = retired(connection, request.model)
        if request.version is not None:
            require_not_retired(request.model, read_candidate(connection, request.model, request.version))
    if not events:
        raise RegistryError(f"{request.model} was never deployed to {request.target}: there is nothing to roll back; `perennial deploy` it")
    if request.version is not None:
        places = [event for event in events if event.version == request.version and event.action == Action.DEPLOY]
        sentence = f"version {request.version} of {request.model} was never live on {request.target}"
    else:
        places = restorable(events, retired=frozenset(gone))
        sentence = f"nothing was live on {request.target} before {request.model} {events[0].version} that a rollback may go to"
    if not places or places[0].version is None:
        raise RegistryError(f"{sentence}: look at `perennial history {request.model} --target {request.target}`, or deploy a version")
    return _Plan(places[0].version, events[0].seq, places[0])


def _carry_out(cloud: Cloud, request: Request, plan: _Plan, *, force: bool) -> Deployed:
    repaired, seconds = _repair(cloud, request), dict[str, float]()
    what = f"{request.model} {plan.version}"
    with cloud.engine.connect() as connection:
        last = last_event(connection, request.model, request.target)
        if last is not None and (last.seq, last.version) == (plan.seen, plan.version):
            return Deployed(last, is_new=False, repaired=repaired)
        candidate = read_candidate(connection, request.model, plan.version)
    require_not_retired(request.model, candidate)
    may_force = force or (plan.rolls_back_to is not None and plan.rolls_back_to.forced)
    doubts = _verdict(candidate.blessed)
    _require_no_doubts(what, doubts, may_force=may_force)
    smoke = _test(cloud, request, plan, candidate.manifest, seconds)
    doubts += smoke.doubts
    _require_no_doubts(what, doubts, may_force=may_force)
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
    return Deployed(event, is_new=True, repaired=repaired, seconds=seconds)


def _verdict(blessed: bool | None) -> tuple[str, ...]:
    if blessed is None:
        return ("was never judged by the gate",)
    return () if blessed else ("was refused by the gate",)


def _require_no_doubts(what: str, doubts: tuple[str, ...], *, may_force: bool) -> None:
    if doubts and not may_force:
        raise RegistryError(f"{what} {' and '.join(doubts)}: deploy another version, or this one with --force and a --reason")


def _test(cloud: Cloud, request: Request, plan: _Plan, manifest: Manifest, seconds: dict[str, float]) -> Smoke:
    """Publish the version, fetch the bytes from where they are served, and test those."""
    bucket, what = cloud.settings.bucket, f"{request.model} {plan.version}"
    with _timed(seconds, "publish"):
        uri = publish_version(
            cloud.storage, bucket, model=request.model, number=plan.version, uri=manifest.uri, metadata={"request": request.request_id}
        )
    with tempfile.TemporaryDirectory(prefix="perennial-") as temporary:
        folder = Path(temporary, request.model)
        with _timed(seconds, "checksums"):
            pull_served(cloud.storage, uri, manifest, folder)
        with _timed(seconds, "smoke test"):
            return smoke_test(folder, what)


def pull_served(client: storage.Client, uri: str, manifest: Manifest, folder: Path) -> None:
    """Copy what is served at `uri` now to a local folder. It must be what the registry's manifest says, by SHA-256, and nothing else.

    Raises:
        RegistryError: an object is missing, changed or too many.
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
    """Both or neither. Should the answer of a service be lost on the way, the configuration is put back to what the log says."""
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
