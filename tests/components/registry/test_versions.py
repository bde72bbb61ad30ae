"""Versions: numbers without gaps, one for each push, however many push at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
import sqlalchemy as sa

from components.database.engine import make_engine
from components.errors import RegistryError
from components.registry.versions import (
    NewVersion,
    find_trained,
    find_version_of_run,
    latest_version,
    register_version,
    training_fingerprint,
    version_id,
)
from components.settings import Settings
from components.storage.manifest import Entry, Manifest, content_sha256

MakeVersion = Callable[..., NewVersion]


def test_numbers_count_from_one_for_each_model(connection: sa.Connection, new_version: MakeVersion) -> None:
    first, second = new_version(connection), new_version(connection)
    other = new_version(connection, model="quite_another")
    assert [register_version(connection, new) for new in (first, second, other)] == [1, 2, 1]


def test_a_push_that_is_tried_again_finds_its_number(connection: sa.Connection, new_version: MakeVersion) -> None:
    new, next_one = new_version(connection), new_version(connection)
    assert [register_version(connection, one) for one in (new, new, next_one, new)] == [1, 1, 2, 1]
    assert latest_version(connection, new.model) == 2


def test_one_run_may_make_several_variants(connection: sa.Connection, new_version: MakeVersion) -> None:
    new = new_version(connection)
    assert [register_version(connection, one) for one in (new, replace(new, variant="lite"), new)] == [1, 2, 1]


def test_a_run_cannot_push_other_bytes(connection: sa.Connection, new_version: MakeVersion) -> None:
    new, other = new_version(connection), new_version(connection, weights="0")
    register_version(connection, new)
    message = f"{new.model} 1, the version of run {new.run_id}, is already recorded with artifact_uri '{new.manifest.uri}', not"
    with pytest.raises(RegistryError, match=message):
        register_version(connection, replace(new, manifest=other.manifest))


def test_fifty_pushes_at_once_leave_no_gap(cloud: Settings, engine: sa.Engine, new_version: MakeVersion) -> None:
    crowd, ready = make_engine(cloud, pool_size=50), Barrier(50)

    def push(new: NewVersion) -> int:
        with crowd.begin() as connection:
            ready.wait(timeout=60)
            return register_version(connection, new)

    with engine.begin() as connection:
        pushes = [new_version(connection) for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        assert sorted(pool.map(push, pushes)) == list(range(1, 51))
    crowd.dispose()


def test_twenty_tries_of_one_push_make_one_version(cloud: Settings, engine: sa.Engine, new_version: MakeVersion) -> None:
    crowd, ready = make_engine(cloud, pool_size=20), Barrier(20)
    with engine.begin() as connection:
        new = new_version(connection)

    def push(_: int) -> int:
        with crowd.begin() as connection:
            ready.wait(timeout=60)
            return register_version(connection, new)

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(push, range(20))) == {1}
    crowd.dispose()
    with engine.connect() as connection:
        assert latest_version(connection, new.model) == 1


def test_a_push_that_is_rolled_back_leaves_no_gap(engine: sa.Engine, new_version: MakeVersion) -> None:
    with engine.begin() as connection:
        lost, kept = new_version(connection), new_version(connection)
    with engine.connect() as connection:
        assert register_version(connection, lost) == 1
        connection.rollback()
    with engine.begin() as connection:
        assert register_version(connection, kept) == 1


def test_the_address_of_a_version_is_its_content(connection: sa.Connection, new_version: MakeVersion) -> None:
    new = new_version(connection)
    elsewhere = replace(new.manifest, uri=f"gs://models/models/{new.model}/{'0' * 64}")
    with pytest.raises(RegistryError, match=r"the registry refuses versions\.insert: .* violates check constraint"):
        register_version(connection, replace(new, manifest=elsewhere))


def test_a_manifest_with_hostile_paths_comes_back_as_it_was(connection: sa.Connection, new_version: MakeVersion) -> None:
    paths = ("'; DROP TABLE registry.model; --", '{"NULL"}', "ß" * 300)
    entries = tuple(Entry(path, 1, "a" * 64, "AAAAAA==", 1) for path in sorted(paths))
    new = new_version(connection)
    manifest = Manifest(f"gs://models/models/{new.model}/{content_sha256(entries)}", entries)
    register_version(connection, replace(new, manifest=manifest))
    stored = connection.exec_driver_sql("SELECT manifest FROM registry.model_version ORDER BY model_version_id DESC LIMIT 1").scalar_one()
    assert [entry["path"] for entry in stored] == [entry.path for entry in entries]


def test_what_was_trained_already_is_found(connection: sa.Connection, new_version: MakeVersion) -> None:
    trained = training_fingerprint("a" * 64, "b" * 64, parameters={"epochs": 3}, environment_digest=f"sha256:{'c' * 64}")
    pushes = [new_version(connection, training_sha256=sha256) for sha256 in ("0" * 64, trained, trained, "9" * 64)]
    for new in pushes:
        register_version(connection, new)
    assert find_trained(connection, pushes[0].model, trained) == 3
    assert find_trained(connection, pushes[0].model, "4" * 64) is None
    assert find_trained(connection, "quite_another", trained) is None


def test_the_version_of_a_run_is_found(connection: sa.Connection, new_version: MakeVersion) -> None:
    pushed, lost = new_version(connection), new_version(connection)
    register_version(connection, pushed)
    assert find_version_of_run(connection, pushed.run_id) == 1
    assert find_version_of_run(connection, lost.run_id) is None


def test_the_training_fingerprint_depends_on_all_it_is_given() -> None:
    def of(snapshot: str = "a", code: str = "b", environment: str = "c", **parameters: object) -> str:
        return training_fingerprint(snapshot, code, parameters=parameters, environment_digest=environment)

    different = {of(), of("x"), of(code="x"), of(environment="x"), of(epochs=3), of(epochs=4), of(epochs=3.0)}
    assert len(different) == 7
    assert of(epochs=3, seed=1) == of(seed=1, epochs=3)


def test_an_unknown_version_says_what_there_is(connection: sa.Connection, new_version: MakeVersion) -> None:
    new = new_version(connection)
    for _ in range(2):
        register_version(connection, new_version(connection))
    for number in (0, 3, 10**18):
        message = f"model '{new.model}' has no version {number}: it has 1 to 2; run `perennial versions {new.model}`"
        with pytest.raises(RegistryError, match=message):
            version_id(connection, new.model, number)


def test_an_unknown_model_says_what_there_is(connection: sa.Connection, new_version: MakeVersion) -> None:
    register_version(connection, new_version(connection, model="churn"))
    with pytest.raises(RegistryError, match=r"model 'chum' is not in the registry: it has .*churn.*; run `perennial train chum`"):
        version_id(connection, "chum", 1)
