"""Follows the log of deployments: loads what becomes live beside what is, and swaps between two turns of the event loop."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from components.cloud import Cloud
from components.deployment.rollouts import canary_shares
from components.errors import PerennialError
from components.registry.deployments import live_on_target
from components.serving.directory import LABELS, Directory, ServedModel, ServingRole, State, VersionState
from components.serving.loading import load_version
from components.serving.service import Canary, Servable, Service

log = logging.getLogger(__name__)

RETRY_SECONDS = 30.0
"""A version that did not load is tried again after so long."""

MOST_CHARACTERS = 500
"""Of an error that is not ours."""

Wanted = Mapping[str, Mapping[ServingRole, int]]
"""Versions by model and role."""


@dataclass(frozen=True)
class Targets:
    """Whose live versions are served in which role."""

    live: str
    canary: str | None = None
    shadow: str | None = None


@dataclass
class Follower:
    """Keeps a service's directory as the log says. Where the log cannot be read, or a version does not load, what was there answers on."""

    cloud: Cloud
    service: Service
    targets: Targets
    poll_seconds: float = 2.0
    has_followed: bool = False
    _was_ready: bool = False
    _failed: dict[tuple[str, int], tuple[float, VersionState]] = field(default_factory=dict)
    _wanted: Wanted = field(default_factory=dict)
    _unread: str | None = None
    """Why the last poll of the log did not work."""
    _closing: set["asyncio.Task[None]"] = field(default_factory=set)

    def problems(self) -> list[str]:
        """Why the service is not ready; empty from when every live model was loaded and warm for the first time.

        What does not load later is a note: all replicas meet it at once, and all that they have loaded would be answered by none.
        """
        if not self.has_followed:
            return ["the log of deployments was not read yet"]
        return [] if self._was_ready else self._not_loaded()

    def notes(self) -> list[str]:
        """What is wrong although the service is ready."""
        unread = [] if self._unread is None else [f"the log of deployments cannot be read, what is served stays: {self._unread}"]
        return [*self._not_loaded(), *unread]

    def _not_loaded(self) -> list[str]:
        models = self.service.directory.models
        return [
            f"{model} {roles[ServingRole.LIVE]} is live and not loaded"
            for model, roles in sorted(self._wanted.items())
            if roles[ServingRole.LIVE] not in models.get(model, ServedModel[Servable]()).loaded
        ]

    async def run(self) -> None:
        """Follow until cancelled, whatever goes wrong."""
        while True:
            try:
                await self.follow()
                self._unread = None
            except Exception as error:
                self._unread = _told(error, "the log of deployments cannot be read: what is served stays", logging.WARNING)
            level = self.service.metrics.level
            level("perennial_log_of_deployments_read", "1 if the last poll of the log worked.", self._unread is None)
            level("perennial_live_versions_not_loaded", "Live versions that are not loaded.", len(self._not_loaded()))
            await asyncio.sleep(self.poll_seconds)

    async def follow(self) -> None:
        """Serve what the log says now.

        Raises:
            AccessError: Cloud SQL cannot be reached, or refuses the credentials.
        """
        self._wanted, self.service.canaries = await asyncio.to_thread(self._read)
        for model in sorted(self._wanted.keys() | self.service.directory.models.keys()):
            await self._follow_model(model, self._wanted.get(model, {}))
        self.has_followed = True
        self._was_ready = self._was_ready or not self._not_loaded()

    def _read(self) -> tuple[Wanted, Mapping[str, Canary]]:
        wanted: dict[str, dict[ServingRole, int]] = {}
        roles = {ServingRole.LIVE: self.targets.live, ServingRole.CANARY: self.targets.canary, ServingRole.SHADOW: self.targets.shadow}
        with self.cloud.engine.connect() as connection:
            for role, target in roles.items():
                for model, version in live_on_target(connection, target).items() if target else ():
                    wanted.setdefault(model, {})[role] = version
            steps = canary_shares(connection, self.targets.live, self.targets.canary) if self.targets.canary else {}
        versions = {model: found[ServingRole.CANARY] for model, found in wanted.items() if ServingRole.CANARY in found}
        canaries = {
            model: Canary(version, steps[model][1] if model in steps and steps[model][0] == version else None)
            for model, version in versions.items()
        }
        return {model: found for model, found in wanted.items() if ServingRole.LIVE in found}, canaries

    async def _follow_model(self, model: str, roles: Mapping[ServingRole, int]) -> None:
        served = self.service.directory.models.get(model, ServedModel[Servable]())
        loaded = dict(served.loaded)
        self._failed = {key: failed for key, failed in self._failed.items() if key[0] != model or key[1] in roles.values()}
        for version in sorted(set(roles.values()) - loaded.keys()):
            servable = await self._load(model, version)
            if servable is not None:
                loaded[version] = servable
        labels = {LABELS[role]: version for role, version in roles.items() if version in loaded}
        stable = LABELS[ServingRole.LIVE]
        if stable not in labels and roles and stable in served.labels:
            labels[stable] = served.labels[stable]  # until the new one loads, the old one answers
        before = served.labels.get(stable)
        previous = before if before != labels.get(stable) else self._previous(served)
        kept = {version: servable for version, servable in loaded.items() if roles and version in {*labels.values(), previous}}
        if kept.keys() != served.loaded.keys() or labels != served.labels:
            self._swap(model, ServedModel(kept, self._states(model, kept), labels, labels.get(stable)))
            task = asyncio.create_task(self._close([servable for version, servable in loaded.items() if version not in kept]))
            self._closing.add(task)  # beside the polling: under full load it takes a while, and a rollback must not wait
            task.add_done_callback(self._closing.discard)
        elif (states := self._states(model, kept)) != served.states:
            self._swap(model, ServedModel(kept, states, labels, labels.get(stable)))

    def _previous(self, served: ServedModel[Servable]) -> int | None:
        return next((version for version in sorted(served.loaded, reverse=True) if version not in served.labels.values()), None)

    def _swap(self, model: str, served: ServedModel[Servable]) -> None:
        """Between two turns of the event loop: no request sees half of it."""
        models = {name: other for name, other in self.service.directory.models.items() if name != model}
        self.service.directory = Directory(models | ({model: served} if served.loaded or served.states else {}))
        log.info("serving", extra={"model": model, "labels": dict(served.labels), "loaded": sorted(served.loaded)})

    def _states(self, model: str, loaded: Mapping[int, Servable]) -> dict[int, VersionState]:
        failed = {version: state for (name, version), (_, state) in self._failed.items() if name == model}
        return failed | {version: VersionState(State.AVAILABLE) for version in loaded}

    async def _load(self, model: str, version: int) -> Servable | None:
        now = asyncio.get_running_loop().time()
        if (before := self._failed.get((model, version))) and now < before[0] + RETRY_SECONDS:
            return None
        try:
            scorer, reader = await asyncio.to_thread(load_version, self.cloud, model, version, self.service.metrics)
            try:
                servable = self.service.servable(model, version, scorer, reader)
            except BaseException:
                scorer.close()
                raise
        except Exception as error:
            why = _told(error, "a version does not load: the one before stays", logging.ERROR, model=model, version=version)
            self._failed[model, version] = (now, VersionState(State.END, "UNKNOWN", why))
            return None
        self._failed.pop((model, version), None)
        return servable

    async def _close(self, servables: list[Servable]) -> None:
        """Give the memory of versions back once nobody waits for their answers."""
        for servable in servables:
            while not servable.batches.is_idle:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # who found the version in the directory before the swap has asked it by now
            await self.service.finish_begun()
            while not servable.batches.is_idle:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(servable.scorer.close)


def _told(error: Exception, text: str, level: int, **extra: object) -> str:
    """Log an error, one that is not ours with its traceback, and give its sentence."""
    why = str(error) if isinstance(error, PerennialError) else f"{type(error).__name__}: {error}"[:MOST_CHARACTERS]
    log.log(level, text, exc_info=None if isinstance(error, PerennialError) else error, extra={**extra, "why": why})
    return why
