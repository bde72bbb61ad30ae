"""Manifests: what a model folder may hold, and whose manifest is believed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from google.cloud import storage

from components.errors import RegistryError
from components.storage.manifest import Manifest, scan_folder
from components.storage.objects import read_manifest


def test_the_sums_of_a_file_are_those_that_everybody_computes(tmp_path: Path) -> None:
    (tmp_path / "check").write_bytes(b"123456789")
    (entry,) = scan_folder(tmp_path)
    assert (entry.path, entry.size, entry.generation) == ("check", 9, 0)
    assert entry.sha256 == "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
    assert entry.crc32c == "4waSgw=="


@pytest.mark.parametrize("name", ["manifest.json", "a\nb", "a\x7f", "\udc80", "/".join(["é" * 120] * 4)])
def test_files_that_cannot_be_objects_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(RegistryError, match="cannot be the name of an object of a version: rename the file"):
        scan_folder(tmp_path)


def test_links_and_devices_are_not_left_out_in_silence(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "more").symlink_to(tmp_path / "variables")
    with pytest.raises(RegistryError, match=f"{tmp_path}/more is neither a file nor a folder"):
        scan_folder(tmp_path)
    (tmp_path / "more").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RegistryError, match=f"{tmp_path}/pipe is neither a file nor a folder"):
        scan_folder(tmp_path)


def test_an_empty_folder_is_nothing_to_push(tmp_path: Path) -> None:
    (tmp_path / "empty" / "folder").mkdir(parents=True)
    with pytest.raises(RegistryError, match="empty holds no files: there is nothing to push"):
        scan_folder(tmp_path / "empty")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "is not a manifest .*: push the model again"),
        (b"[]", "is not a manifest"),
        (b'{"entries": [{"path": "a"}]}', "is not a manifest"),
        (b'{"entries": []}', "is the manifest of other content, 4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"),
        (b'{"entries": [{"path": "../../x", "size": 1, "sha256": "", "crc32c": "", "generation": 1}]}', r"names the path '\.\./\.\./x'"),
        (b'{"entries": [{"path": "/etc/x", "size": 1, "sha256": "", "crc32c": "", "generation": 1}]}', "names the path '/etc/x'"),
    ],
)
def test_a_manifest_that_is_not_the_folders_own_is_refused(
    client: storage.Client, push: Callable[..., Manifest], text: bytes, problem: str
) -> None:
    manifest = push()
    storage.Blob.from_uri(f"{manifest.uri}/manifest.json", client=client).upload_from_string(text)
    with pytest.raises(RegistryError, match=problem):
        read_manifest(client, manifest.uri)
    with pytest.raises(RegistryError, match="is not a manifest" if text == b"" else problem):
        push()
