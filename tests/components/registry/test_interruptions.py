"""A push that is killed anywhere, and tried again, ends in one version."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from google.cloud import storage

from components.errors import RegistryError
from components.registry.history import list_versions
from components.registry.versions import NewVersion, register_version
from components.settings import Settings
from components.storage.manifest import Manifest, content_sha256, scan_folder
from components.storage.objects import read_manifest
from tests.components.storage.whole import assert_whole

PUSH_AND_DIE = """
from pathlib import Path
from components.google import storage_client
from components.storage.objects import push_folder
bucket, folder, left = arguments

def die(entry):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

push_folder(storage_client(settings), bucket, model="churn", folder=Path(folder), metadata={"run": "killed"}, progress=die)
"""


@pytest.mark.parametrize("files", [1, 3], ids=["between two objects", "between objects and manifest"])
def test_a_push_that_was_killed_is_half_written_until_it_is_tried_again(
    cloud: Settings,
    client: storage.Client,
    bucket: str,
    folder: Path,
    push: Callable[..., Manifest],
    child: Callable[..., subprocess.Popen[str]],
    files: int,
) -> None:
    prefix = f"content/churn/{content_sha256(scan_folder(folder))}"
    killed = child(PUSH_AND_DIE, cloud, bucket, str(folder), files)
    output, _ = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, output
    left = {blob.name: blob.generation for blob in client.list_blobs(bucket, prefix=prefix)}
    assert len(left) == files
    uri = f"gs://{bucket}/{prefix}"
    with pytest.raises(RegistryError, match=f"{uri} has no manifest.json: it is half-written or gone; push the model again"):
        read_manifest(client, uri)

    manifest = push()

    assert manifest.uri == uri
    assert_whole(client, uri)
    pushed = {f"{prefix}/{entry.path}": entry.generation for entry in manifest.entries}
    assert left.items() <= pushed.items(), "what was there already is kept"


REGISTER_AND_DIE = """
from components.database.engine import make_engine
from components.registry.versions import register_version

with make_engine(settings).begin() as connection:
    register_version(connection, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_push_that_was_killed_before_its_row_gives_one_version_when_it_is_tried_again(
    cloud: Settings,
    engine: sa.Engine,
    push: Callable[..., Manifest],
    new_version: Callable[..., NewVersion],
    name: str,
    child: Callable[..., subprocess.Popen[str]],
) -> None:
    with engine.begin() as connection:
        new = new_version(connection, manifest=push(model=name))
    killed = child(REGISTER_AND_DIE, cloud, new)
    output, _ = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, output
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM registry.model WHERE name = :name"), {"name": name}).scalar() == 0
        assert push(model=name) == new.manifest
        assert register_version(connection, new) == 1
    with engine.connect() as connection:
        assert [version.artifact_uri for version in list_versions(connection, name)] == [new.manifest.uri]
