"""What the registry knows of models that a policy decides by: of any number of them by one query a table."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from components.database.statements import execute
from components.decisions.rewritten import PinnedVersion
from components.deployment.rollouts import BY_POLICY
from components.policy.facts import AgeingFact, Facts, LiveFact, MeasurementFact, RequestFact, RunFact, TrainedFact
from components.policy.limits import CROWDED
from components.policy.reasons import ReasonKind
from components.runs.record import RunState
from components.snapshot.document import snapshot_from
from components.staleness.record import read_ageing_facts
from components.storage.manifest import Manifest, recorded_manifest

MOST_RUNS = 200
MOST_REQUESTS = 1_000


@dataclass(frozen=True)
class Trained:
    """What a new version would be held against."""

    source: PinnedVersion
    """What the newest version was made of that passed both gates and that nobody retired; the newest of all, where there is none."""
    version: int
    """The newest of all, whose code it is that may have changed."""
    manifest: Manifest
    environment_digest: str
    pipeline_version: str

    @property
    def fact(self) -> TrainedFact:
        """What the policy needs of it."""
        return TrainedFact(self.source.version, self.source.pinned.spans[-1])


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a model stands."""

    facts: Facts
    """Those that the registry has, but for alarms and ageing."""
    ageing: Mapping[str, AgeingFact]
    """How fast its versions age, by metric: which one tells, its task says."""
    trained: Trained | None
    seq: int
    """The number of its last decision, 0 for none."""
    subject: str
    """Of that decision."""


def read_standings(connection: sa.Connection, models: Sequence[str], *, most_runs: int = MOST_RUNS) -> Mapping[str, Standing]:
    """How models stand, by name. Of each the newest runs are read, but at most so many."""
    names = list(models)
    last = {
        row.model: row for row in execute(connection, "decisions.last", models=names)
    }  # before the facts: who decides says what they saw
    now: datetime = execute(connection, "decisions.now").scalar_one()
    trained = {row.model: _trained(row) for row in execute(connection, "decisions.trained", models=names)}
    asked, runs = _by_model(connection, "decisions.reasons", names), _by_model(connection, "decisions.runs", names, most=most_runs)
    requests = _by_model(connection, "decisions.requests", names, most=MOST_REQUESTS)
    ageing, measured = read_ageing_facts(connection, names), _by_model(connection, "decisions.measured", names)
    live, orders = _by_model(connection, "decisions.live", names), _by_model(connection, "decisions.orders", names)
    return {
        name: Standing(
            facts=Facts(
                model=name,
                now=now,
                source=None,
                trained=trained[name].fact if name in trained else None,
                runs=tuple(map(_run, runs[name])),
                requests=tuple(RequestFact(row.source, row.event_id, f"{row.actor} asks: {row.reason}") for row in requests[name]),
                measured=tuple(
                    MeasurementFact(row.key, row.created_at, row.is_open, row.bytes_read, tuple(row.begun)) for row in measured[name]
                ),
                live=tuple(map(_live, live[name])),
                answered=frozenset(row.key for row in asked[name] if row.answered),
                failures={row.key: row.failures for row in asked[name] if row.failures and not row.answered},
                paused=_pause(orders[name]),
            ),
            ageing=ageing.get(name, {}),
            trained=trained.get(name),
            seq=last[name].seq if name in last else 0,
            subject=last[name].subject if name in last else "",
        )
        for name in names
    }


def read_busy(connection: sa.Connection) -> frozenset[str]:
    """The models of which more is to be seen than how they stand, such as an open alarm or a training under way."""
    return frozenset(execute(connection, "decisions.busy").scalars())


def in_order(connection: sa.Connection, models: Sequence[str]) -> list[str]:
    """The models in the order in which they are to be looked at: first those that wait for room to train, the strongest reason and the
    longest wait first, then the others as they are."""
    kinds, waiting = list(ReasonKind), execute(connection, "decisions.crowded", models=list(models), rule=CROWDED).all()
    first = [row.model for row in sorted(waiting, key=lambda row: kinds.index(ReasonKind(row.kind)))]
    return [*first, *(name for name in models if name not in set(first))]


def pause_reason(connection: sa.Connection, model: str) -> str:
    """Who paused a model, and why; empty if it is not paused."""
    return _pause(execute(connection, "decisions.orders", models=[model]).all())


def _pause(rows: Sequence[sa.Row[Any]]) -> str:
    return "" if not rows or rows[0].action == "resume" else f"{rows[0].actor}: {rows[0].reason}"


def _by_model(connection: sa.Connection, statement: str, models: list[str], **parameters: object) -> Mapping[str, list[sa.Row[Any]]]:
    found: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in execute(connection, statement, models=models, **parameters):
        found[row.model].append(row)
    return found


def _trained(row: sa.Row[Any]) -> Trained:
    manifest = recorded_manifest(row.artifact_uri, row.manifest)
    source = PinnedVersion(row.version, snapshot_from(row.document), row.started_at)
    return Trained(source, row.newest, manifest, row.environment_digest, row.pipeline_version)


def _run(row: sa.Row[Any]) -> RunFact:
    return RunFact(
        row.run_id,
        row.started_at,
        float(row.seconds),
        is_running=row.state == RunState.RUNNING,
        failed=row.state in (RunState.FAILED, RunState.CANCELLED),
        refused=row.state == RunState.BLOCKED,
        bytes_read=row.bytes_read,
        through=_day(row.through),
    )


def _day(text: str | None) -> date | None:
    """The day of a run's parameters; None if it asked for the last partition, as one that ended before it knew which that is."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _live(row: sa.Row[Any]) -> LiveFact:
    return LiveFact(row.target, row.version, row.created_at, by_policy=row.request_id.startswith(f"{BY_POLICY}deploy:"))
