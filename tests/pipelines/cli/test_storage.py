"""`perennial verify`, `restore` and `gc`, as processes of their own."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.cloud import storage

from components.database.engine import make_engine
from components.deployment.target import repair_target
from components.google import storage_client
from components.registry.versions import NewVersion
from components.settings import Settings
from pipelines.local.services import prepare
from tests.components.registered import folder, name, new_run, new_snapshot, new_version
from tests.components.upkeep.keeping import Shelf
from tests.pipelines.command_line import CommandLine

__all__ = ["folder", "name", "new_run", "new_snapshot", "new_version"]


@pytest.fixture(scope="module")
def services(warm: Settings) -> CommandLine:
    """With a bucket of its own."""
    settings = warm.model_copy(update={"bucket": f"storage-{uuid4().hex[:8]}"})
    prepare(settings)
    return CommandLine(settings)


@pytest.fixture(scope="module")
def engine(services: CommandLine, client: storage.Client) -> Iterator[sa.Engine]:
    engine = make_engine(services.settings)
    for target in services.settings.targets:  # other tests have deployed there, and told other buckets
        repair_target(engine, client, services.settings, target)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def client(services: CommandLine) -> Iterator[storage.Client]:
    with closing(storage_client(services.settings)) as client:
        yield client


@pytest.fixture
def shelf(services: CommandLine, engine: sa.Engine, client: storage.Client, name: str, new_version: Callable[..., NewVersion]) -> Shelf:
    return Shelf(engine, client, services.settings.bucket, name, new_version)


def test_what_is_wrong_is_named_and_restored(services: CommandLine, shelf: Shelf, folder: Path) -> None:
    version = shelf.keep(folder)
    clean = services.run("verify", shelf.model, "--deep")
    assert (clean.returncode, clean.stdout, clean.stderr) == (0, "1 version verified: nothing is wrong\n", "")

    blob = shelf.published(1, "weights")
    blob.upload_from_string(b"x" * 1_600)
    found = services.run("verify", shelf.model, "1")
    address = f"gs://{shelf.bucket}/{blob.name}"
    changed = f"weights has CRC32C {blob.crc32c}, not {version.entries['weights'].crc32c}"
    assert found.returncode == 3
    assert found.stdout.splitlines() == [
        f"changed        {address}: {changed}; run `perennial restore {shelf.model} 1`",
        "1 version verified: 1 finding",
    ]

    restored = services.run("restore", shelf.model, "1")
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith(f"{address}: {changed}; restored from {version.manifest.uri}/weights#")
    assert services.run("restore", shelf.model, "1").stdout == f"{shelf.model} 1 is whole: there is nothing to restore\n"


def test_what_was_not_finished_is_repaired(services: CommandLine, shelf: Shelf, folder: Path) -> None:
    shelf.keep(folder, published=False)
    config = shelf.client.bucket(shelf.bucket).blob("serving/staging/models.config")
    config.upload_from_string("model_config_list {}")
    (unpublished, target) = services.json("verify", shelf.model, exit_code=3)["findings"]
    assert (unpublished["kind"], target["kind"]) == ("not published", "target")
    repaired = services.json("verify", shelf.model, "--repair")
    assert (len(repaired["repaired"]), repaired["findings"]) == (2, [])
    now = shelf.client.bucket(shelf.bucket).get_blob(config.name)
    assert now.download_as_text().startswith("# What TensorFlow Serving loads")


def test_garbage_is_told_and_collected(services: CommandLine, shelf: Shelf, folder: Path, tmp_path: Path) -> None:
    shelf.keep(folder)
    (tmp_path / "unfinished").mkdir()
    young = shelf.push(tmp_path / "unfinished")
    with shelf.engine.begin() as connection:
        retirement = "INSERT INTO registry.retirement SELECT model_version_id, 'a test', '' FROM registry.model_version WHERE run_id = :run"
        connection.execute(sa.text(retirement), {"run": shelf.version(1).run_id})
    copies = f"gs://{shelf.bucket}/models/{shelf.model}/1"
    for arguments in (("gc", "--dry-run"), ("gc",)):
        lines = [line for line in services.run(*arguments).stdout.splitlines() if shelf.model in line]
        assert [line.partition(" bytes: ")[2] for line in lines] == [
            "a push that is under way, or that no run recorded, 0 days old: it is left for 7",
            "the published copy of a retired version",
        ]
        assert lines[0].startswith(f"leave            {young.uri}: 2 objects, ")
        assert lines[1].startswith(f"remove           {copies}: 6 objects, ")
    assert not list(shelf.client.list_blobs(shelf.bucket, prefix=f"models/{shelf.model}/"))
    assert [action["verb"] for action in services.json("gc") if shelf.model in action["uri"]] == ["leave"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "../../\x01"), "'../../\\x01' is not the name of a model: use a-z, 0-9 and _"),
        (("restore", "a'; DROP TABLE registry.model; --", "1"), "is not the name of a model"),
        (("restore", "x" * 10_000, "1"), "is not the name of a model"),
    ],
    ids=range(3),
)
def test_what_cannot_be_meant_is_refused(services: CommandLine, arguments: tuple[str, ...], message: str) -> None:
    done = services.run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert len(done.stderr) < 300


def test_what_is_not_in_the_registry_is_refused(services: CommandLine, shelf: Shelf, folder: Path) -> None:
    shelf.keep(folder)
    assert "model 'no_such_model' is not in the registry" in services.run("verify", "no_such_model").stderr
    assert f"model '{shelf.model}' has no version 2: it has 1 to 1" in services.run("restore", shelf.model, "2").stderr
    assert services.run("verify", "--deep", "--quick").returncode == 64
