"""Names and texts that mean harm: each is stored as it is, or refused with one sentence before anything is written."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from components.canonical import fingerprint
from components.errors import RegistryError
from components.evaluation.metric import Check, Metric
from components.registry import versions
from components.registry.deployments import history
from components.registry.evaluations import Blessing, Evaluation, record_blessing, record_evaluation
from components.registry.history import list_versions, read_version
from components.registry.snapshot_use import find_snapshot
from components.registry.versions import ModelRole, NewVersion, find_version_of_run, register_version
from components.runs.record import Run, RunState, Task, finish_run, read_run, record_tasks, start_run
from components.snapshot import record as snapshots
from components.snapshot.record import DatasetRole, RecordedSnapshot, record_snapshot
from tests.components.recorded import blessing_of, evaluation_of

HOSTILE = {
    "SQL": "'; DROP TABLE registry.model; --",
    "path": "../../etc/passwd",
    "control": "a\r\n\x1b[31m\t\x7f",
    "NUL": "a\0b",
    "half a pair": "a\udc80b",
    "long": "x" * 10_000,
    "long in bytes": "ß" * 10_000,
    "an array": '{"NULL", \\ }',
    "parameters": ":model %s %(model)s $1 {}",
    "empty": "",
}
TABLES = ("pipeline_run", "model", "model_version", "metric", "blessing", "run_task")
COUNTS = f"SELECT {', '.join(f'(SELECT count(*) FROM registry.{table})' for table in TABLES)}"
Act = Callable[[sa.Connection, str], object]


@pytest.fixture
def registered(connection: sa.Connection, new_version: Callable[..., NewVersion]) -> NewVersion:
    """A version, whose own names are harmless."""
    new = new_version(connection)
    register_version(connection, new)
    return new


@pytest.fixture
def evaluation(registered: NewVersion) -> Evaluation:
    return evaluation_of(registered, 1, Metric("auc", {}, 0.5))


@pytest.fixture
def blessing(registered: NewVersion) -> Blessing:
    return blessing_of(registered, 1, Check("auc", {}, "at least 0.5", 0.5, passed=True))


def refused(connection: sa.Connection, act: Act, text: str) -> bool:
    """Whether it is refused, with one sentence, and then nothing is written; the connection goes on working in any case."""
    before = connection.exec_driver_sql(COUNTS).one()
    said = None
    try:
        with connection.begin_nested():
            act(connection, text)
    except RegistryError as error:
        said = str(error)
    after = connection.exec_driver_sql(COUNTS).one()
    assert said is None or (said.isprintable() and len(said) < 800 and after == before), said
    return said is not None


READS: dict[str, Act] = {
    "list_versions": list_versions,
    "read_version": lambda connection, text: read_version(connection, text, 1),
    "history": history,
    "history of a target": lambda connection, text: history(connection, text, text),
    "read_run": read_run,
    "read_snapshot": snapshots.read_recorded_snapshot,
    "find_snapshot": find_snapshot,
    "finish_run": lambda connection, text: finish_run(connection, text, RunState.SUCCEEDED),
    "link a run": lambda connection, text: versions.link_run(connection, text, ModelRole.BASELINE, text, 1),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("act", READS.values(), ids=READS)
def test_what_nobody_has_recorded_is_not_found(connection: sa.Connection, act: Act, text: str) -> None:
    assert refused(connection, act, text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_run_has_such_a_name_or_model(connection: sa.Connection, new_run: Callable[..., Run], text: str) -> None:
    assert refused(connection, lambda connection, text: start_run(connection, new_run(run_id=text)), text)
    assert refused(connection, lambda connection, text: start_run(connection, new_run(model=text)), text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_snapshot_is_of_such_tables(connection: sa.Connection, new_snapshot: Callable[..., RecordedSnapshot], text: str) -> None:
    document = {"source": "x"}
    for column in ("source_table", "snapshot_table"):
        changed = new_snapshot(document=document, snapshot_id=fingerprint(document), **{column: text})
        assert refused(connection, lambda connection, _: record_snapshot(connection, changed), text)  # noqa: B023 - called at once
    assert refused(connection, lambda connection, text: snapshots.link_snapshot(connection, text, DatasetRole.TRAIN, text), text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_reason_and_an_error_are_kept_as_far_as_text_goes(connection: sa.Connection, new_run: Callable[..., Run], text: str) -> None:
    escaped = {HOSTILE["NUL"]: "a\\x00b", HOSTILE["half a pair"]: "a\\udc80b"}
    others = {} if text in escaped else {"host": text, "parameters": {"text": text, text: "name"}}
    run = new_run(reason=text, **others)
    start_run(connection, run)
    start_run(connection, run)
    finish_run(connection, run.run_id, RunState.FAILED, text)
    recorded, kept = read_run(connection, run.run_id), escaped.get(text, text)
    assert (recorded.run, recorded.error) == (replace(run, reason=kept), kept)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_version_is_of_no_such_model_and_its_variant_is_kept_or_refused(
    connection: sa.Connection, registered: NewVersion, text: str
) -> None:
    assert refused(connection, lambda connection, text: register_version(connection, replace(registered, model=text)), text)
    assert refused(connection, lambda connection, text: register_version(connection, replace(registered, run_id=text)), text)
    if not refused(connection, lambda connection, text: register_version(connection, replace(registered, variant=text)), text):
        assert read_version(connection, registered.model, 2 if text else 1).variant == text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_metrics_and_slices_are_kept_or_refused(connection: sa.Connection, evaluation: Evaluation, text: str) -> None:
    for metric in (Metric(text, {}, 0.5), Metric("auc", {text: "1"}, 0.5), Metric("auc", {"city": text}, 0.5)):
        changed = replace(evaluation, metrics=(metric,), config_sha256=fingerprint([ascii(metric)]))
        if not refused(connection, lambda connection, _: record_evaluation(connection, changed), text):  # noqa: B023 - called at once
            assert changed in read_version(connection, evaluation.model, 1).evaluations
    for changed in (
        replace(evaluation, model=text),
        replace(evaluation, run_id=text),
        replace(evaluation, snapshot_id=text),
        replace(evaluation, config_sha256=text),
    ):
        assert refused(connection, lambda connection, _: record_evaluation(connection, changed), text)  # noqa: B023 - called at once


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_verdicts_and_tasks_are_kept_or_refused(connection: sa.Connection, blessing: Blessing, text: str) -> None:
    check = Check(text, {text: text}, text, 0.5, passed=True)
    changed = replace(blessing, checks=(check,), decided_by=text)
    if not refused(connection, lambda connection, _: record_blessing(connection, changed), text):
        assert read_version(connection, blessing.model, 1).blessings == (changed,)
    task = Task(text, text, text)
    if not refused(connection, lambda connection, _: record_tasks(connection, blessing.run_id, [task]), text):
        assert read_version(connection, blessing.model, 1).tasks == (task,)


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, 10**30])
def test_numbers_that_no_version_has_are_not_found(connection: sa.Connection, registered: NewVersion, number: int) -> None:
    assert refused(connection, lambda connection, _: read_version(connection, registered.model, number), "")
    assert find_version_of_run(connection, registered.run_id) == 1
