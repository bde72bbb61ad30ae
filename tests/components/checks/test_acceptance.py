"""Findings that a person accepted: by name, until a day, as long as they do not get much worse, and without an edit of history."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from components.checks.findings import ranked, refusal
from components.checks.record import accept_finding, findings_that_blocked, list_acceptances, mark_accepted, record_findings
from components.errors import RegistryError
from components.registry.versions import NewVersion
from components.runs.record import Run, start_run
from tests.components.findings import TEXT
from tests.components.recorded import register

DAY = date(2026, 3, 1)
NAME = "source/text-in-numbers/price"


@pytest.fixture
def run(connection: sa.Connection, new_run: Callable[..., Run]) -> Run:
    """A run that was blocked by text in a column."""
    blocked = new_run()
    start_run(connection, blocked)
    record_findings(connection, blocked.run_id, "source", [TEXT], waived=False)
    return blocked


def accept(connection: sa.Connection, run: Run, finding: str = NAME) -> None:
    accept_finding(connection, run.model, finding, until=DAY, actor="ada", reason="the supplier writes n/a until March")


def test_a_finding_that_was_accepted_is_told_and_blocks_no_more(connection: sa.Connection, run: Run) -> None:
    assert [(one.finding, one.sentence) for one in findings_that_blocked(connection, run.model)] == [(NAME, TEXT.sentence)]
    accept(connection, run)
    (marked,) = mark_accepted(connection, run.model, [TEXT], DAY)
    assert (marked.accepted, marked.blocks) == ("accepted until 2026-03-01: the supplier writes n/a until March", False)
    assert refusal(ranked([marked])) is None
    assert [(one.finding, one.until, one.actor) for one in list_acceptances(connection, run.model)] == [(NAME, DAY, "ada")]


@pytest.mark.parametrize(
    ("finding", "today"),
    [
        (TEXT, date(2026, 3, 2)),
        (replace(TEXT, measure=1.6 * TEXT.measure), DAY),
        (replace(TEXT, column="amount"), DAY),
        (replace(TEXT, level="rows"), DAY),
    ],
    ids=["its end has come", "it is much worse", "another column", "another level"],
)
def test_what_was_not_accepted_blocks(connection: sa.Connection, run: Run, finding: object, today: date) -> None:
    accept(connection, run)
    (marked,) = mark_accepted(connection, run.model, [finding], today)  # type: ignore[list-item]
    assert marked.blocks


def test_a_name_that_no_run_was_blocked_by_is_refused(connection: sa.Connection, run: Run) -> None:
    with pytest.raises(RegistryError) as refused:
        accept(connection, run, "source/NULLs/price")
    assert str(refused.value) == (
        f"no run of {run.model} was blocked by 'source/NULLs/price': it was by source/text-in-numbers/price; choose one of these"
    )


def test_what_is_accepted_is_never_changed(connection: sa.Connection, run: Run) -> None:
    accept(connection, run)
    with pytest.raises(sa.exc.DBAPIError, match=r"permission denied|append-only"):
        connection.exec_driver_sql("UPDATE registry.finding_acceptance SET until = '2099-01-01'")


def test_what_a_version_was_let_through_with_blocks_no_later_run(
    connection: sa.Connection, new_version: Callable[..., NewVersion], run: Run
) -> None:
    """A version that was let through is no champion: without its findings every later run would be blocked for want of one."""
    waived = replace(run, run_id=f"{run.run_id}-waived", parameters={"waive_gate": True, "through": "2026-02-25"})
    start_run(connection, waived)
    record_findings(connection, waived.run_id, "source", [TEXT], waived=True)
    assert mark_accepted(connection, run.model, [TEXT], DAY)[0].blocks, "no version came of it"
    register(connection, new_version(connection, run_id=waived.run_id))
    old, new = mark_accepted(connection, run.model, [TEXT, replace(TEXT, since=date(2026, 2, 26))], DAY)
    assert (old.accepted, old.blocks, new.blocks) == ("let through before, with version 1", False, True)
