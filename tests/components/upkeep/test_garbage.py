"""What may go goes, in time; what is needed, or could be, is never touched."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from google.cloud import storage

from components.registry.publish import published_uri
from components.registry.retirements import retire
from components.registry.versions import NewVersion
from components.storage.lifecycle import NONCURRENT_DAYS, RULES
from components.storage.manifest import NAME
from components.storage.objects import TOUCH_AFTER, _touched, blobs_by_path, ensure_bucket, split_uri
from components.upkeep.garbage import Disposition, Verb, _of_version, collect, perform
from components.upkeep.inventory import server_time
from components.upkeep.leftovers import GRACE
from components.upkeep.verify import Reads, verify_version
from tests.components.deployment.deploying import deploy
from tests.components.upkeep.keeping import Shelf

NOW = datetime.now(UTC)


@pytest.fixture
def shelf(engine: sa.Engine, client: storage.Client, bucket: str, name: str, new_version: Callable[..., NewVersion]) -> Shelf:
    return Shelf(engine, client, bucket, name, new_version)


@pytest.fixture
def unfinished(shelf: Shelf, tmp_path: Path) -> str:
    """Where bytes are that no run recorded."""
    (tmp_path / "unfinished").mkdir()
    return shelf.push(tmp_path / "unfinished").uri


def actions(shelf: Shelf, *, days: float) -> list[Disposition]:
    """What there is to do in so many days with the objects of the shelf's model."""
    found = collect(shelf.engine, shelf.client, shelf.bucket, now=NOW + timedelta(days=days))
    return [action for action in found if f"/{shelf.model}/" in action.uri]


def told(found: list[Disposition]) -> list[tuple[Verb, str, str | None]]:
    return [(action.verb, action.uri, action.storage_class) for action in found]


def test_an_unfinished_push_goes_after_a_while(shelf: Shelf, folder: Path, unfinished: str) -> None:
    version = shelf.keep(folder)
    (young,) = actions(shelf, days=GRACE.days - 1)
    assert (young.verb, young.uri) == (Verb.LEAVE, unfinished)
    assert young.reason == "a push that is under way, or that no run recorded, 5 days old: it is left for 7"
    (old,) = actions(shelf, days=GRACE.days + 1)
    assert (old.verb, old.uri, len(old.blobs)) == (Verb.REMOVE, unfinished, 2)
    assert perform(old)
    assert blobs_by_path(shelf.client, *split_uri(unfinished)) == {}
    kept = list(shelf.client.list_blobs(shelf.bucket, prefix=split_uri(unfinished)[1], versions=True))
    assert len(kept) == 2, "for as long as the bucket's rules say"
    assert actions(shelf, days=GRACE.days + 1) == []
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.FREE) == []


def test_a_push_that_is_tried_again_in_the_last_moment_is_not_removed(shelf: Shelf, folder: Path, unfinished: str) -> None:
    shelf.keep(folder)
    (action,) = actions(shelf, days=GRACE.days + 1)
    for blob in blobs_by_path(shelf.client, *split_uri(unfinished)).values():
        age(blob)
        assert _touched(blob) is not None
    before = blobs_by_path(shelf.client, *split_uri(unfinished))
    assert not perform(action)
    assert blobs_by_path(shelf.client, *split_uri(unfinished)).keys() == before.keys()


def test_an_object_that_was_found_is_marked_only_when_it_is_old(shelf: Shelf, unfinished: str) -> None:
    def listed() -> storage.Blob:
        return blobs_by_path(shelf.client, *split_uri(unfinished))["weights"]

    _touched(listed())
    assert (listed().metageneration, listed().custom_time) == (1, None)
    old = listed()
    age(old)
    marked = _touched(old)
    assert marked is not None
    assert (marked.generation, marked.crc32c, marked.metageneration) == (old.generation, old.crc32c, 2)
    assert listed().custom_time > NOW
    shelf.client.bucket(shelf.bucket).blob(old.name).delete()
    assert _touched(old) is None


def age(blob: storage.Blob) -> None:
    """As if it had been listed a day later."""
    blob._properties["updated"] = (NOW - TOUCH_AFTER).isoformat().replace("+00:00", "Z")


def test_copies_that_were_never_deployed_grow_cold(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    uri = published_uri(shelf.bucket, shelf.model, 1)
    assert actions(shelf, days=29) == []
    for days, name in ((31, "NEARLINE"), (91, "COLDLINE"), (366, "ARCHIVE")):
        (action,) = actions(shelf, days=days)
        assert told([action]) == [(Verb.MOVE, uri, name)]
        assert perform(action)
        copies = blobs_by_path(shelf.client, *split_uri(uri))
        assert {blob.storage_class for blob in copies.values()} == {name}
        assert actions(shelf, days=days) == []
    assert len(list(shelf.client.list_blobs(shelf.bucket, prefix=split_uri(uri)[1], versions=True))) == len(copies)
    assert copies["weights"].metadata == {"model": shelf.model, "run": version.run_id, "version": "1"}
    assert verify_version(shelf.client, shelf.bucket, version, reads=Reads.ALL) == []


def test_a_copy_that_somebody_changes_meanwhile_is_not_moved(shelf: Shelf, folder: Path) -> None:
    shelf.keep(folder)
    (action,) = actions(shelf, days=31)
    for path in (NAME, "weights"):
        shelf.published(1, path).upload_from_string("x")
    assert not perform(action)
    assert shelf.published(1, NAME).download_as_bytes() == b"x"


def test_what_is_live_or_was_and_could_be_again_is_never_touched(shelf: Shelf, folder: Path) -> None:
    for weights in (b"a", b"b", b"c"):
        (folder / "weights").write_bytes(weights)
        shelf.keep(folder)
    with shelf.engine.begin() as connection:
        for number in (1, 2):
            deploy(connection, shelf.model, number, target="prod")
    assert told(actions(shelf, days=10_000)) == [(Verb.MOVE, published_uri(shelf.bucket, shelf.model, 3), "ARCHIVE")]


def test_the_copy_of_a_retired_version_goes_and_what_was_pushed_stays(shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    with shelf.engine.begin() as connection:
        retire(connection, shelf.model, 1, actor="a test", reason="because")
    (action,) = actions(shelf, days=0)
    assert (action.verb, action.uri, action.reason) == (
        Verb.REMOVE,
        published_uri(shelf.bucket, shelf.model, 1),
        "the published copy of a retired version",
    )
    assert perform(action)
    assert actions(shelf, days=10_000) == []
    retired = shelf.version(1)
    assert retired == replace(version, retired=True)
    assert verify_version(shelf.client, shelf.bucket, retired, reads=Reads.ALL) == []


def test_strangers_go_but_nothing_of_other_registries(shelf: Shelf, folder: Path) -> None:
    shelf.keep(folder)
    place = shelf.client.bucket(shelf.bucket)
    shelf.published(1, "extra").upload_from_string("x")
    for path in (f"models/{shelf.model}/notes.txt", f"content/other_{shelf.model}/{'0' * 64}/x"):
        place.blob(path).upload_from_string("x")
    found = collect(shelf.engine, shelf.client, shelf.bucket, now=NOW + GRACE * 2)
    ours = {action.uri: action.verb for action in found if f"{shelf.model}/" in action.uri}
    assert ours == {
        f"gs://{shelf.bucket}/models/{shelf.model}/1/extra": Verb.REMOVE,
        f"gs://{shelf.bucket}/models/{shelf.model}/notes.txt": Verb.REMOVE,
        f"gs://{shelf.bucket}/content/other_{shelf.model}/{'0' * 64}": Verb.LEAVE,
    }


def test_nothing_unknown_goes_while_the_database_is_older_than_the_bucket(shelf: Shelf, folder: Path, unfinished: str) -> None:
    shelf.keep(folder)
    shelf.published(2, "saved_model.pb").upload_from_string("x")
    found = {action.uri: action for action in actions(shelf, days=10_000) if action.verb != Verb.MOVE}
    assert found.keys() == {unfinished, published_uri(shelf.bucket, shelf.model, 2)}
    assert {action.verb for action in found.values()} == {Verb.LEAVE}
    assert found[unfinished].reason == f"the bucket has later versions of {shelf.model} than the registry: is its database older?"


def test_nothing_is_done_to_a_version_whose_manifest_is_not_to_be_believed(shelf: Shelf, folder: Path) -> None:
    doubtful = replace(shelf.keep(folder), problem="the registry's row has the manifest of other content")
    (action,) = _of_version(shelf.client, shelf.bucket, doubtful, NOW + timedelta(days=10_000))
    assert told([action]) == [(Verb.LEAVE, doubtful.manifest.uri, None)]
    assert action.blobs == ()
    assert action.reason == f"the registry's row has the manifest of other content; nothing of {shelf.model} 1 is touched"


def test_the_time_is_that_of_the_registry(shelf: Shelf) -> None:
    clock = "SELECT clock_timestamp()"
    with shelf.engine.connect() as connection:
        before, now, after = (
            connection.exec_driver_sql(clock).scalar_one(),
            server_time(shelf.engine),
            connection.exec_driver_sql(clock).scalar_one(),
        )
    assert before <= now <= after


def test_a_bucket_gets_its_rules_beside_those_of_others(client: storage.Client, name: str) -> None:
    theirs = {"action": {"type": "Delete"}, "condition": {"age": 5, "matchesPrefix": ["scratch/"]}}
    bucket = client.bucket(name.replace("_", "-"))
    bucket.lifecycle_rules = [theirs]
    client.create_bucket(bucket)
    for _ in range(2):
        ensure_bucket(client, bucket.name, "EU")
        assert [dict(rule) for rule in client.get_bucket(bucket.name).lifecycle_rules] == [theirs, *RULES]


def test_the_archive_grows_cold_and_what_was_replaced_goes_by_the_buckets_own_rules(
    client: storage.Client, shelf: Shelf, folder: Path
) -> None:
    version = shelf.keep(folder)
    shelf.published(1, "weights").upload_from_string("x")
    run = f"{client.api_endpoint}/_emulator/lifecycle"
    client._http.post(run, params={"now": (NOW + timedelta(days=NONCURRENT_DAYS + 1)).isoformat()}).raise_for_status()
    assert shelf.client.bucket(shelf.bucket).get_blob(shelf.pushed(version, "weights").name).storage_class == "COLDLINE"
    assert shelf.published(1, "saved_model.pb").exists()
    assert client.bucket(shelf.bucket).get_blob(f"models/{shelf.model}/1/saved_model.pb").storage_class == "STANDARD"
    assert len(list(client.list_blobs(shelf.bucket, prefix=f"models/{shelf.model}/1/weights", versions=True))) == 1
