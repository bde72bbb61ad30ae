"""How versions go live in steps: as a shadow, then as a canary that answers a growing share of the keys, then as the live version.

A version that is rolled out on the target `prod` is deployed on `prod-shadow` or `prod-canary` meanwhile; the log of deployments has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from components.database.statements import execute, storable

BY_POLICY = "policy:"
"""So the id of a request begins that a policy makes; those of people do not."""


class RolloutStage(StrEnum):
    """How far a version is."""

    SHADOW = "shadow"
    """It is asked what the live version is asked, and answers nobody."""
    CANARY = "canary"
    """It answers a share of the keys."""
    LIVE = "live"
    HELD = "held"
    """It answers nobody any more, and waits for a person."""


@dataclass(frozen=True)
class RolloutStep:
    """A step that is to be taken."""

    stage: RolloutStage
    share: int
    """The percentage of the keys that the version answers."""

    @property
    def words(self) -> str:
        """Such as `canary at 5 %`."""
        return f"{self.stage} at {self.share} %" if self.stage is RolloutStage.CANARY else str(self.stage)


@dataclass(frozen=True)
class Rollout:
    """A version that goes live in steps, by its last one."""

    decision_id: int
    target: str
    seq: int
    version: int
    step: RolloutStep
    reason: str
    since: datetime
    begun: datetime
    """When its first step was taken."""


def aside(target: str, stage: RolloutStage) -> str:
    """The target on which a version is while it goes live on another."""
    return f"{target}-{stage}"


def open_rollouts(connection: sa.Connection, model: str) -> tuple[Rollout, ...]:
    """The rollouts of a model that are under way: at most one a target."""
    rows = execute(connection, "rollouts.open", model=model)
    return tuple(
        Rollout(
            row.decision_id,
            row.target,
            row.seq,
            row.version,
            RolloutStep(RolloutStage(row.stage), row.share),
            row.reason,
            row.created_at,
            row.begun_at,
        )
        for row in rows
    )


def take_step(connection: sa.Connection, rollout: Rollout, *, actor: str) -> bool:
    """Record a step, of which `since` and `begun` are the registry's to say. Returns whether this call did."""
    values = {"stage": rollout.step.stage, "share": rollout.step.share, "reason": storable(rollout.reason), "actor": actor}
    names = {name: getattr(rollout, name) for name in ("decision_id", "target", "seq", "version")}
    return bool(execute(connection, "rollouts.insert", **names, **values).rowcount)


def canary_shares(connection: sa.Connection, target: str, beside: str) -> Mapping[str, tuple[int, float]]:
    """The version of each model that is rolled out on a target, or was last, and the share of the keys, from 0 to 1, that it answers
    as a canary: none before, once it is live, or when it is held.

    Left out are models of which a person has deployed something since on `beside`, the target of the canaries.
    """
    rows = execute(connection, "rollouts.shares", target=target, beside=beside, by_policy=BY_POLICY)
    return {row.model: (row.version, row.share / 100) for row in rows}
