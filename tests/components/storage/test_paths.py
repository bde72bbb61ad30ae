"""Paths of manifests: no row, no manifest.json and no object makes this machine write or read outside the folder that is meant."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from google.cloud import storage
from hypothesis import given
from hypothesis import strategies as st

from components.errors import RegistryError
from components.settings import Settings
from components.storage.download_cache import forget_folder, pulled_folder
from components.storage.manifest import Entry, Manifest, _unacceptable_path, content_sha256, is_acceptable, recorded_manifest
from components.storage.objects import _path_inside, pull_file, split_uri

OUTSIDE = [
    "../x",
    "../../../../../../tmp/x",
    "/etc/x",
    "a/../../x",
    "a/..",
    "..",
    ".",
    "",
    "a//x",
    "a/",
    "/",
    "a\0b",
    "a\nb",
    "manifest.json",
]
PARTS = st.sampled_from(["..", ".", "", "a", "b", "~", "C:", "\\", "é", "\0", "x" * 90]) | st.text(max_size=5)
PATHS = st.lists(PARTS, min_size=1, max_size=6).map("/".join)


def entry(path: str) -> Entry:
    return Entry(path, 1, "a" * 64, "AAAAAA==", 1)


@given(path=PATHS)
def test_an_acceptable_path_stays_in_its_folder(path: str) -> None:
    folder = Path("/some/folder")
    if not is_acceptable(path):
        with pytest.raises(RegistryError, match="leads out of /some/folder: no version has it"):
            _path_inside(folder, path)
        return
    inside = _path_inside(folder, path)
    assert inside.relative_to(folder).as_posix() == path
    assert ".." not in inside.parts
    assert inside != folder


@given(paths=st.lists(PATHS, max_size=5))
def test_the_paths_of_a_manifest_can_be_files_beside_each_other(paths: list[str]) -> None:
    bad = _unacceptable_path([entry(path) for path in paths])
    clashes = {one for one in paths for other in paths if other.startswith(f"{one}/")}
    assert (bad is None) == (all(map(is_acceptable, paths)) and len(set(paths)) == len(paths) and not clashes)


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_row_that_names_another_place_is_refused_when_it_is_read(path: str) -> None:
    entries = (entry("saved_model.pb"), entry(path))
    uri = f"gs://models/content/churn/{content_sha256(entries)}"

    with pytest.raises(RegistryError) as caught:
        recorded_manifest(uri, [asdict(one) for one in entries])

    assert str(caught.value) == (
        f"the registry's row of {uri} names the path {path!r}, which no version has: restore the database from a backup"
    )


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_a_row_whose_paths_clash_is_refused(first: str, second: str) -> None:
    entries = (entry(first), entry(second))

    with pytest.raises(RegistryError, match=f"names the path '{second}', which no version has"):
        recorded_manifest(f"gs://models/content/churn/{content_sha256(entries)}", [asdict(one) for one in entries])


def test_a_row_of_other_content_is_refused() -> None:
    with pytest.raises(
        RegistryError, match=f"has the manifest of other content, SHA-256 {content_sha256([entry('a')])}: restore the database"
    ):
        recorded_manifest(f"gs://models/content/churn/{'0' * 64}", [asdict(entry("a"))])


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_is_looked_at_again_when_it_is_pulled(
    client: storage.Client, bucket: str, push: Callable[..., Manifest], tmp_path: Path, path: str
) -> None:
    manifest = push()
    target = tmp_path / "inner" / "folder"

    with pytest.raises(RegistryError, match="leads out of"):
        pull_file(client.bucket(bucket), split_uri(manifest.uri)[1], replace(manifest.entries[0], path=path), target)

    assert not target.exists()
    assert sorted(tmp_path.iterdir()) == [tmp_path / "model"]


def test_a_link_in_the_folder_is_not_followed(client: storage.Client, bucket: str, push: Callable[..., Manifest], tmp_path: Path) -> None:
    manifest = push()
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    (target / "variables").symlink_to(outside)
    (index,) = (one for one in manifest.entries if one.path == "variables/variables.index")

    with pytest.raises(RegistryError, match="the path 'variables/variables.index' leads out of"):
        pull_file(client.bucket(bucket), split_uri(manifest.uri)[1], index, target)

    assert list(outside.iterdir()) == []


def test_other_bytes_are_never_there_under_the_files_name(
    client: storage.Client, bucket: str, push: Callable[..., Manifest], tmp_path: Path
) -> None:
    manifest = push()
    wrong = replace(manifest.entries[0], sha256="0" * 64)

    with pytest.raises(RegistryError, match=f"has SHA-256 {manifest.entries[0].sha256}, not {'0' * 64}: do not use it"):
        pull_file(client.bucket(bucket), split_uri(manifest.uri)[1], wrong, tmp_path / "target")

    assert list((tmp_path / "target").iterdir()) == []


def replace_by_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/hostname")


def test_a_changed_file_of_the_cache_is_pulled_again(
    client: storage.Client, cloud: Settings, push: Callable[..., Manifest], tmp_path: Path
) -> None:
    settings, manifest = cloud.model_copy(update={"cache_folder": tmp_path / "cache"}), push()
    folder = pulled_folder(client, settings, manifest)
    whole = (folder / "saved_model.pb").read_bytes()
    changes: list[Callable[[Path], object]] = [
        lambda file: file.write_bytes(b"other"),
        lambda file: file.unlink(),
        lambda file: file.rename(file.with_name("moved")),
        lambda file: file.with_name("more").write_bytes(b""),
    ]
    changes.append(replace_by_link)
    for change in changes:
        change(folder / "saved_model.pb")
        again = pulled_folder(client, settings, manifest)
        assert (again / "saved_model.pb").read_bytes() == whole
        assert not (again / "more").exists()
        assert {path.name for path in again.iterdir()} == {path.name for path in (tmp_path / "model").iterdir()}


def test_the_copy_of_a_pushed_folder_is_read_first_and_what_was_pushed_where_it_is_not_whole(
    client: storage.Client, bucket: str, folder: Path, push: Callable[..., Manifest], cloud: Settings, tmp_path: Path
) -> None:
    settings = cloud.model_copy(update={"cache_folder": tmp_path / "cache"})
    manifest, copy = push(), f"gs://{bucket}/models/churn/1"
    entries = [entry.path for entry in manifest.entries]

    def blob(uri: str, path: str) -> storage.Blob:
        return storage.Blob.from_uri(f"{uri}/{path}", client=client)

    for path in entries:
        blob(copy, path).upload_from_filename(str(folder / path))
    first = blob(manifest.uri, entries[0])
    first.delete()
    found = pulled_folder(client, settings, manifest, copy)
    assert {path: (found / path).read_bytes() for path in entries} == {path: (folder / path).read_bytes() for path in entries}
    forget_folder(found)
    assert not found.exists()
    first.upload_from_filename(str(folder / entries[0]))
    blob(copy, entries[0]).upload_from_string(b"other bytes")
    assert (pulled_folder(client, settings, manifest, copy) / entries[0]).read_bytes() == (folder / entries[0]).read_bytes()
