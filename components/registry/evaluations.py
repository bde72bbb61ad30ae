"""Judgements of a version: its metrics, overall and by slice, and whether a gate let it through."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from components.database.idempotency import require_same
from components.database.statements import execute
from components.evaluation.metric import Check, Metric, slice_key
from components.model.sections import Split
from components.registry.versions import version_id


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a run measured of a version on a snapshot."""

    model: str
    version: int
    run_id: str
    snapshot_id: str
    config_sha256: str
    """The SHA-256 of how it was measured: metrics, slices, thresholds."""
    metrics: Sequence[Metric]
    split: str = Split.EVAL.value
    """The rows of the snapshot that it was measured on."""
    report_uri: str | None = None


@dataclass(frozen=True, kw_only=True)
class Blessing:
    """A gate's verdict on a version."""

    model: str
    version: int
    run_id: str
    policy_sha256: str
    """The SHA-256 of the rules."""
    blessed: bool
    checks: Sequence[Check]
    decided_by: str
    baseline_version: int | None = None
    """The number of the champion, a version of the same model."""
    notes: Sequence[str] = ()
    """What is to be said of the comparison with the champion, or why there is none."""


def record_evaluation(connection: sa.Connection, evaluation: Evaluation) -> None:
    """Record the metrics of a version. Recording them again changes nothing.

    Raises:
        RegistryError: the evaluation is recorded with other metrics, something it names is unknown, or a value is not acceptable.
    """
    values = vars(evaluation) | {
        "model_version_id": version_id(connection, evaluation.model, evaluation.version),
        "metrics": json.dumps([metric_json(metric) for metric in evaluation.metrics]),
    }
    evaluation_id = execute(connection, "evaluations.insert", **values).scalar()
    if evaluation_id is None:
        recorded = execute(connection, "evaluations.find", **values).one()
        what = f"the evaluation of {evaluation.model} {evaluation.version} by run {evaluation.run_id}"
        row = execute(connection, "evaluations.read", evaluation_id=recorded.evaluation_id).mappings().one()
        known = evaluation_from(evaluation.model, evaluation.version, dict(row))
        require_same(what, _comparable(known.metrics), _comparable(evaluation.metrics))
        return
    execute(connection, "evaluations.insert_names", **values)
    execute(connection, "evaluations.insert_slices", **values)
    execute(connection, "evaluations.insert_metrics", **values, evaluation_id=evaluation_id)


def evaluation_from(model: str, version: int, row: Mapping[str, Any]) -> Evaluation:
    """The evaluation in a row of registry.evaluation, or in that row as JSON; its metrics are JSON in both."""
    values = {name: row[name] for name in ("run_id", "snapshot_id", "config_sha256", "split", "report_uri")}
    return Evaluation(model=model, version=version, metrics=tuple(map(metric_from, row["metrics"] or ())), **values)


def record_blessing(connection: sa.Connection, blessing: Blessing) -> None:
    """Record a gate's verdict. Recording it again changes nothing.

    Raises:
        RegistryError: the verdict is recorded otherwise, something it names is unknown, or a value is not acceptable.
    """
    baseline = blessing.baseline_version
    values = vars(blessing) | {
        "model_version_id": version_id(connection, blessing.model, blessing.version),
        "baseline_id": None if baseline is None else version_id(connection, blessing.model, baseline),
        "checks": json.dumps([_check_json(check) for check in blessing.checks]),
        "notes": json.dumps(list(blessing.notes)),
    }
    if not execute(connection, "evaluations.insert_blessing", **values).rowcount:
        recorded = execute(connection, "evaluations.find_blessing", **values).one()
        what = f"the blessing of {blessing.model} {blessing.version} by run {blessing.run_id}"
        require_same(
            what,
            recorded._asdict(),
            vars(blessing) | {"checks": [_check_json(check) for check in blessing.checks], "notes": list(blessing.notes)},
        )


def blessing_from(model: str, version: int, row: Mapping[str, Any]) -> Blessing:
    """The blessing in a row of registry.blessing, or in that row as JSON."""
    values = {name: row[name] for name in ("run_id", "policy_sha256", "blessed", "decided_by", "baseline_version")}
    return Blessing(model=model, version=version, checks=tuple(map(_check_from, row["checks"])), notes=tuple(row["notes"]), **values)


def metric_json(metric: Metric) -> dict[str, object]:
    """The metric as JSON that PostgreSQL takes for a row."""
    bounds = {name: _number_json(getattr(metric, name)) for name in ("value", "ci_low", "ci_high")}
    count = None if metric.example_count is None else int(metric.example_count)
    return {"name": metric.name, "slice": dict(metric.slice), "slice_key": slice_key(metric.slice), "example_count": count, **bounds}


def metric_from(item: Sequence[Any]) -> Metric:
    """The metric of which PostgreSQL made JSON."""
    name, features, value, low, high, count = item
    return Metric(name, features, float(value), None if low is None else float(low), None if high is None else float(high), count)


def _check_json(check: Check) -> dict[str, object]:
    """The check as JSON."""
    return {**vars(check), "slice": dict(check.slice), "value": _number_json(check.value), "baseline": _number_json(check.baseline)}


def _check_from(item: Mapping[str, Any]) -> Check:
    """The check that was written as JSON."""
    numbers = {name: None if item[name] is None else float(item[name]) for name in ("value", "baseline")}
    return Check(**{**item, **numbers})


def _number_json(number: float | None) -> float | str | None:
    """The number as JSON: NaN and infinity, which JSON lacks, as text that PostgreSQL and Python read as such."""
    if number is None:
        return None
    return float(number) if math.isfinite(number) else str(float(number))


def _comparable(metrics: Sequence[Metric]) -> dict[str, object]:
    """The metrics as JSON by name and slice, in which NaN equals NaN."""
    named = {f"metric {metric.name} of slice {slice_key(metric.slice)!r}": metric_json(metric) for metric in metrics}
    return {"number of metrics": len(metrics), **named}
