"""Snapshots: the id is the content, and the registry knows what used it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import count
from uuid import uuid4

import pytest
import sqlalchemy as sa

from components.canonical import fingerprint
from components.errors import RegistryError
from components.registry.evaluations import record_evaluation
from components.registry.snapshot_use import find_snapshot, list_snapshots, read_snapshot_story, table_uses
from components.registry.versions import NewVersion, register_version
from components.runs.record import Run, RunState, start_run
from components.snapshot.record import DatasetRole, RecordedSnapshot, link_snapshot, read_recorded_snapshot, record_snapshot
from tests.components.deployment.deploying import deploy
from tests.components.recorded import evaluation_of, record_pin

NewRun = Callable[..., Run]
NewSnapshot = Callable[..., RecordedSnapshot]
MakeVersion = Callable[..., NewVersion]


def test_a_document_that_comes_back_still_has_its_id(connection: sa.Connection, new_snapshot: NewSnapshot) -> None:
    document = {"z": [1, 2.5, 1e-7, 1.0, -(2**63), True, None], "a": {"ß": "€\n\"\\'", "": []}, "big": 2**70, "small": 5e-324}
    snapshot = new_snapshot(document=document, snapshot_id=fingerprint(document))
    record_snapshot(connection, snapshot)
    assert fingerprint(read_recorded_snapshot(connection, snapshot.snapshot_id).document) == snapshot.snapshot_id


def test_an_id_of_another_document_is_refused(connection: sa.Connection, new_snapshot: NewSnapshot) -> None:
    snapshot = new_snapshot(document={"rows": 1})
    message = f"'{snapshot.snapshot_id}' is not its document's SHA-256, which is {fingerprint({'rows': 1})}: pin the data again"
    with pytest.raises(RegistryError, match=message):
        record_snapshot(connection, snapshot)


def test_the_list_has_the_snapshots_of_all_runs_and_versions_newest_last(
    engine: sa.Engine, new_run: NewRun, new_snapshot: NewSnapshot, new_version: MakeVersion, name: str
) -> None:
    document = {"spans": ["1998-05-24", "1998-05-31"], "made": uuid4().hex}
    blocked = new_snapshot(document=document, snapshot_id=fingerprint(document))
    with engine.begin() as connection:
        record_pin(connection, new_run(), blocked)
    with engine.begin() as connection:
        trained = new_version(connection)
        for new in (trained, replace(new_version(connection), snapshot_id=trained.snapshot_id)):
            register_version(connection, new)
    with engine.connect() as connection:
        first, second = list_snapshots(connection, name)
    assert (first.snapshot_id, first.spans, first.versions) == (blocked.snapshot_id, (date(1998, 5, 24), date(1998, 5, 31)), ())
    assert (second.snapshot_id, second.spans, second.versions) == (trained.snapshot_id, (), (1, 2))
    assert (first.source_table, first.snapshot_table, first.row_count) == (blocked.source_table, blocked.snapshot_table, 1000)
    assert (first.partition_from, first.partition_to) == (date(1998, 4, 1), date(1998, 6, 1))
    assert first.created_at < second.created_at


def test_a_model_without_snapshots_says_which_models_there_are(connection: sa.Connection, new_run: NewRun) -> None:
    start_run(connection, new_run(model="only_failed"))
    for model in ("only_failed", "nobody"):
        with pytest.raises(RegistryError, match=f"model '{model}' is not in the registry: .*; run `perennial train {model}`"):
            list_snapshots(connection, model)


def test_a_snapshot_is_found_by_the_beginning_of_its_id(connection: sa.Connection, new_snapshot: NewSnapshot) -> None:
    snapshot = new_snapshot()
    record_snapshot(connection, snapshot)
    for digits in (12, 20, 64):
        assert find_snapshot(connection, snapshot.snapshot_id[:digits]) == snapshot.snapshot_id
    assert find_snapshot(connection, snapshot.snapshot_id[:16].upper()) == snapshot.snapshot_id


@pytest.mark.parametrize("prefix", ["", "abcde", "abcdeg", "%", "______", "abcdef'", "abcdef\n", "a" * 65])
def test_what_no_id_begins_with_is_refused(connection: sa.Connection, prefix: str) -> None:
    with pytest.raises(RegistryError) as error:
        find_snapshot(connection, prefix)
    assert str(error.value) == (
        f"{prefix!r} is not the beginning of a snapshot's id: give at least 6 of its hexadecimal digits, "
        f"as `perennial snapshots MODEL` shows them"
    )


def test_an_id_that_is_not_recorded_says_where_to_look(connection: sa.Connection) -> None:
    with pytest.raises(RegistryError) as error:
        find_snapshot(connection, "0" * 40)
    assert str(error.value) == f"snapshot '{'0' * 40}' is not in the registry: run `perennial snapshots MODEL` to see those of a model"


def test_a_beginning_that_two_ids_have_names_both(connection: sa.Connection, new_snapshot: NewSnapshot) -> None:
    prefix, *ids = record_twins(connection, new_snapshot)
    with pytest.raises(RegistryError) as error:
        find_snapshot(connection, prefix)
    assert (
        str(error.value)
        == f"snapshot '{prefix}' is ambiguous: {', '.join(one[:12] for one in sorted(ids))} begin with it; give more digits"
    )


def record_twins(connection: sa.Connection, new_snapshot: NewSnapshot) -> tuple[str, str, str]:
    """Record two snapshots whose ids begin with the same six digits. Returns the digits and the ids."""
    seen: dict[str, dict[str, object]] = {}
    for number in count():
        document: dict[str, object] = {"twin": number}
        twin = seen.setdefault(fingerprint(document)[:6], document)
        if twin is not document:
            ids = fingerprint(twin), fingerprint(document)
            for snapshot_id, one in zip(ids, (twin, document), strict=True):
                record_snapshot(connection, new_snapshot(document=one, snapshot_id=snapshot_id))
            return ids[0][:6], *ids
    raise AssertionError


def test_the_story_names_every_version_and_run_that_used_it(
    connection: sa.Connection, new_run: NewRun, new_version: MakeVersion, name: str
) -> None:
    trained, later = new_version(connection), new_version(connection)
    for new in (trained, later, replace(new_version(connection), model="quite_another", snapshot_id=trained.snapshot_id)):
        register_version(connection, new)
    snapshot, again = read_recorded_snapshot(connection, trained.snapshot_id), new_run()
    link_snapshot(connection, trained.run_id, DatasetRole.TRAIN, snapshot.snapshot_id)
    record_pin(connection, again, snapshot)
    for number in (1, 2):
        record_evaluation(connection, evaluation_of(trained, number, model=name))
    deploy(connection, name, 1, target=f"{name}/prod")

    story = read_snapshot_story(connection, snapshot.snapshot_id[:10])

    assert story.snapshot == snapshot
    assert [(version.model, version.number, version.is_trained_on_it, version.live_on) for version in story.versions] == [
        (name, 1, True, (f"{name}/prod",)),
        (name, 2, False, ()),
        ("quite_another", 1, True, ()),
    ]
    assert {(run.run_id, run.model, run.role, run.state) for run in story.runs} == {
        (trained.run_id, name, DatasetRole.TRAIN, RunState.RUNNING),
        (again.run_id, name, DatasetRole.TRAIN, RunState.RUNNING),
    }


def test_the_uses_of_a_table_are_those_of_every_snapshot_and_model_that_share_it(
    connection: sa.Connection, new_run: NewRun, new_snapshot: NewSnapshot, new_version: MakeVersion, name: str
) -> None:
    one, other = (new_snapshot(snapshot_table=f"shop.snapshots.{name}") for _ in range(2))
    record_pin(connection, new_run(), one)
    record_pin(connection, new_run(model="quite_another"), other)
    for snapshot_id in (one.snapshot_id, other.snapshot_id, new_version(connection).snapshot_id):
        register_version(connection, new_version(connection, snapshot_id=snapshot_id))
    deploy(connection, name, 1, target=f"{name}/prod")
    deploy(connection, name, 1, target=f"{name}/test")

    by_model = {use.model: use for use in table_uses(connection, name) if use.table == one.snapshot_table}

    assert sorted(by_model) == [name, "quite_another"]
    mine, theirs = by_model[name], by_model["quite_another"]
    assert (mine.newest_version, mine.latest_version, mine.live_on) == (2, 3, (f"{name}/prod", f"{name}/test"))
    assert (theirs.newest_version, theirs.latest_version, theirs.live_on) == (None, None, ())
