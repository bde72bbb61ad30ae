"""Keep profiles of pinned data in Cloud Storage, so that snapshots can be compared when their data are gone."""

import tempfile
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from components.profiles.file import read_profiles
from components.profiles.profile import ColumnProfile, ProfileKey
from components.storage.errors import storage_errors
from components.storage.objects import RETRY


class ProfileKind(StrEnum):
    """The two files of profiles of a snapshot."""

    SOURCE = "source"
    """The profiles of the table's columns, by partition."""
    ROWS = "rows"
    """The profiles of source.sql's columns, by span and label."""


def keep_profiles(client: storage.Client, bucket: str, *, model: str, snapshot_id: str, kind: ProfileKind, path: Path) -> str:
    """Copy a file of profiles to gs://BUCKET/profiles/MODEL/SNAPSHOT/KIND.parquet, once. Returns the address.

    Raises:
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    blob = client.bucket(bucket).blob(_name(model, snapshot_id, kind))
    # If the object exists, the snapshot was profiled before: the same content has the same profile.
    with storage_errors(bucket), suppress(PreconditionFailed):
        blob.upload_from_filename(str(path), if_generation_match=0, checksum="crc32c", retry=RETRY)
    return f"gs://{bucket}/{blob.name}"


def keep_page(client: storage.Client, bucket: str, *, name: str, path: Path) -> str:
    """Copy a page to gs://BUCKET/NAME, in place of an earlier one of the same step. Returns the address.

    Raises:
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    blob = client.bucket(bucket).blob(name)
    with storage_errors(bucket):
        blob.upload_from_filename(str(path), content_type="text/html", checksum="crc32c", retry=RETRY)
    return f"gs://{bucket}/{name}"


def read_kept_profiles(
    client: storage.Client, bucket: str, *, model: str, snapshot_id: str, kind: ProfileKind
) -> dict[ProfileKey, dict[str, ColumnProfile]]:
    """Read the profiles of a snapshot from Cloud Storage; empty if there are none.

    Raises:
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profiles.parquet"
        fetch_profiles(client, bucket, model=model, snapshot_id=snapshot_id, kind=kind, path=path)
        return read_profiles(path)


def fetch_profiles(client: storage.Client, bucket: str, *, model: str, snapshot_id: str, kind: ProfileKind, path: Path) -> None:
    """Copy the file of a snapshot's profiles to `path`, which is not created if there are none.

    Raises:
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    blob = client.bucket(bucket).blob(_name(model, snapshot_id, kind))
    with storage_errors(bucket):
        try:
            blob.download_to_filename(str(path), checksum="crc32c", retry=RETRY)
        except NotFound:
            path.unlink(missing_ok=True)  # the client has created it already


def _name(model: str, snapshot_id: str, kind: ProfileKind) -> str:
    return f"profiles/{model}/{snapshot_id}/{kind}.parquet"
