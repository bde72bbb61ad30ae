"""Whether a folder in Cloud Storage is whole, by what Cloud Storage lists of it."""

from google.cloud import storage

from components.storage.manifest import NAME
from components.storage.objects import blobs_by_path, read_manifest, split_uri


def assert_whole(client: storage.Client, uri: str) -> None:
    """The folder has the objects of its manifest, with their sizes and checksums, and no others."""
    listed = {path: (blob.size, blob.crc32c) for path, blob in blobs_by_path(client, *split_uri(uri)).items()}
    entries = {entry.path: (entry.size, entry.crc32c) for entry in read_manifest(client, uri).entries}
    assert listed == entries | {NAME: listed[NAME]}
