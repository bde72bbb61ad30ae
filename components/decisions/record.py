"""Decisions in the registry: appended by compare and set, claimed by compare and set, each with what came of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa

from components.canonical import fingerprint
from components.database.statements import execute, storable
from components.errors import RegistryError
from components.model.continuous_section import ContinuousSection
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import Facts
from components.policy.reasons import Reason, ReasonKind


class OutcomeKind(StrEnum):
    """What came of a decision."""

    TRAINING = "training"
    """The training ended, and the version is where the policy wants it: nothing is left to do."""
    DEPLOYMENT = "deployment"
    APPROVAL = "approval"
    """The version waits for a person."""
    ROLLBACK = "rollback"
    MEASUREMENT = "measurement"
    """It was measured how fast versions age, or nothing could be told."""
    EFFECT = "effect"
    """What could be seen of it live, later."""


class TrainingOutcome(StrEnum):
    """How a training ended."""

    VERSION = "version"
    REFUSED = "refused"
    """By a gate."""
    KNOWN = "known"
    """The same training gave a version before."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    """It did not begin: when the decision was to be carried out, it would not have been made any more. Its reasons are open still."""


LONGEST_SENTENCE = 10_000
DONE, WANTED = "done", "wanted"
"""Results of deployments and rollbacks that were made, and of approvals that are awaited."""


@dataclass(frozen=True)
class DecisionClaim:
    """Who carries out a decision: the run that was claimed for it, or the measurement that began, on which host."""

    attempt: int
    run_id: str
    host: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class DecisionOutcome:
    """One thing that came of a decision."""

    kind: OutcomeKind
    subject: str = ""
    """The target; empty where there is one thing only."""
    result: str
    sentence: str
    version: int | None = None
    actor: str
    created_at: datetime | None = None
    """None until it is recorded."""


@dataclass(frozen=True, kw_only=True)
class RecordedDecision:
    """A decision as the registry has it."""

    decision_id: int
    model: str
    seq: int
    verdict: PolicyVerdict
    rule: str
    reason: str
    trigger: str | None
    through: date | None
    target: str | None
    reasons: tuple[Reason, ...]
    facts: Mapping[str, object]
    policy: Mapping[str, object]
    actor: str
    created_at: datetime
    claims: tuple[DecisionClaim, ...]
    outcomes: tuple[DecisionOutcome, ...]

    def outcome(self, kind: OutcomeKind, subject: str = "") -> DecisionOutcome | None:
        """What came of it, of a kind; None while nothing did."""
        return next((one for one in self.outcomes if (one.kind, one.subject) == (kind, subject)), None)


def last_seen(connection: sa.Connection, model: str) -> tuple[int, str]:
    """The number of the model's last decision, 0 for none, and its subject."""
    row = execute(connection, "decisions.last", models=[model]).first()
    return (0, "") if row is None else (int(row.seq), str(row.subject))


def subject_of(decision: Decision) -> str:
    """What tells a decision from the next one: as long as it stays the same, nothing new was decided."""
    return fingerprint([decision.verdict, decision.rule, sorted(one.key for one in decision.because), sorted(decision.subject)])


def append_decision(
    connection: sa.Connection, policy: ContinuousSection, facts: Facts, decision: Decision, *, seen: int, actor: str
) -> int | None:
    """Record a decision as the one after `seen`. Returns its id; None if somebody else has decided something meanwhile.

    Raises:
        RegistryError: a value is not acceptable.
    """
    trains = decision.verdict is PolicyVerdict.TRAIN
    found: int | None = execute(
        connection,
        "decisions.insert",
        model=facts.model,
        seq=seen + 1,
        verdict=decision.verdict,
        rule=decision.rule,
        reason=_shortened(decision.reason),
        trigger=decision.kind if trains else None,
        through=facts.source.through if trains and facts.source else None,
        target=decision.target,
        reasons=json.dumps([asdict(one) for one in decision.because]),
        subject=subject_of(decision),
        facts=json.dumps(facts.to_document(), default=str),
        policy=policy.model_dump_json(),
        actor=actor,
    ).scalar()
    return found


def read_decisions(
    connection: sa.Connection, model: str | None, *, since: datetime | None = None, limit: int | None = None
) -> list[RecordedDecision]:
    """The decisions of a model, or of all, newest first."""
    rows = execute(connection, "decisions.list", model=model, decision_id=None, since=since, limit=limit).mappings()
    return [_recorded(row) for row in rows]


def read_decision(connection: sa.Connection, decision_id: int) -> RecordedDecision:
    """One decision.

    Raises:
        RegistryError: there is none of that id.
    """
    row = execute(connection, "decisions.list", model=None, decision_id=decision_id, since=None, limit=None).mappings().first()
    if row is None:
        raise RegistryError(f"there is no decision {decision_id}: `perennial decisions MODEL` lists those of a model")
    return _recorded(row)


def open_decisions(connection: sa.Connection, model: str) -> list[int]:
    """The ids of a model's trainings and rollbacks that are not at their end, the oldest first."""
    return list(execute(connection, "decisions.open", model=model).scalars())


def open_measurements(connection: sa.Connection) -> list[tuple[int, str]]:
    """The decisions to measure that are not at their end, of all models: the id of each, and its model. Those that were begun least often
    come first, then the oldest."""
    return [(row.decision_id, row.model) for row in execute(connection, "decisions.to_measure")]


def begin_measurement(connection: sa.Connection, decision_id: int, host: str) -> None:
    """Record that a measurement begins: whoever does not live to its end has left the attempt."""
    execute(connection, "decisions.insert_measurement", decision_id=decision_id, host=host)


def under_way(connection: sa.Connection) -> list[tuple[str, str]]:
    """The trainings that are under way or about to begin, of all models: the id of each run, and its model."""
    return [(row.run_id, row.model) for row in execute(connection, "decisions.under_way")]


def claim_attempt(connection: sa.Connection, decision_id: int, attempt: int, *, run_id: str, host: str, at_most: int) -> bool:
    """Claim a decision for a run. Returns whether this call did: not if somebody else has, or `at_most` other trainings are under way.

    Raises:
        RegistryError: the run of the attempt before is under way, or did not fail.
    """
    execute(connection, "decisions.lock_claims")
    model = execute(connection, "decisions.model_of", decision_id=decision_id).scalar_one()
    if sum(name != model for _, name in under_way(connection)) >= at_most:
        return False
    values = {"decision_id": decision_id, "attempt": attempt, "run_id": run_id, "host": host}
    return bool(execute(connection, "decisions.insert_claim", **values).rowcount)


def record_outcome(connection: sa.Connection, decision_id: int, outcome: DecisionOutcome) -> None:
    """Record what came of a decision. The first word on each thing stands."""
    values = vars(outcome) | {"sentence": _shortened(outcome.sentence)}
    execute(connection, "decisions.insert_outcome", decision_id=decision_id, **values)


def _shortened(sentence: str) -> str:
    """A sentence as the tables take it: a hundred requests, or a run's error, may make it longer."""
    text = storable(sentence)
    return text if len(text) <= LONGEST_SENTENCE else f"{text[: LONGEST_SENTENCE - 1]}…"


def is_on_hold(connection: sa.Connection, model: str, target: str) -> bool:
    """Whether the policy rolled back there, and no person has looked since: nothing is deployed there at once."""
    return execute(connection, "decisions.hold", model=model, target=target).first() is not None


def usual_seconds(connection: sa.Connection, model: str) -> float:
    """How long a training of a model takes; 0 if there was none."""
    return float(execute(connection, "decisions.usual_seconds", model=model).scalar() or 0.0)


def _recorded(row: sa.RowMapping) -> RecordedDecision:
    values = dict(row) | {
        "verdict": PolicyVerdict(row["verdict"]),
        "reasons": tuple(Reason(**one | {"kind": ReasonKind(one["kind"])}) for one in row["reasons"]),
        "claims": tuple(DecisionClaim(**one | {"created_at": datetime.fromisoformat(one["created_at"])}) for one in row["claims"]),
        "outcomes": tuple(
            DecisionOutcome(**one | {"kind": OutcomeKind(one["kind"]), "created_at": datetime.fromisoformat(one["created_at"])})
            for one in row["outcomes"]
        ),
    }
    return RecordedDecision(**values)
