"""Buckets and objects: what the emulator keeps of them, and how the JSON API shows them."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import quote

from cloud_storage.errors import InvalidError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Resource: TypeAlias = dict[str, Json]

LARGEST_NUMBER = 2**63 - 1
LONGEST_NUMBER = len(str(LARGEST_NUMBER))
STORAGE_CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE")
"""From the dearest to keep to the cheapest."""

OBJECT_FIELDS = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "customTime",
    "eventBasedHold",
    "metadata",
    "temporaryHold",
)
"""What a client may set on an object; its storage class only when it writes it."""


class State(StrEnum):
    """Where an object's version is in its life."""

    LIVE = "live"
    NONCURRENT = "noncurrent"
    SOFT_DELETED = "soft-deleted"


@dataclass(frozen=True)
class Content:
    """Bytes that are wholly on disk, in `file`. Checksums are base64, as the API gives them; composed objects have no MD5."""

    file: str
    size: int
    crc32c: str
    md5: str | None
    components: int | None = None


@dataclass(frozen=True)
class StoredObject:
    """One version of an object."""

    bucket: str
    name: str
    generation: int
    content: Content
    storage_class: str
    created: datetime
    updated: datetime
    class_changed: datetime
    given: Resource
    """What the client set: OBJECT_FIELDS."""
    metageneration: int = 1
    state: State = State.LIVE
    retired: datetime | None = None
    """When it stopped being live."""
    soft_deleted: datetime | None = None
    expires: datetime | None = None
    """When a soft-deleted version is gone for good."""


@dataclass(frozen=True)
class Bucket:
    """A bucket and its configuration."""

    name: str
    created: datetime
    updated: datetime
    given: Resource
    """What the client set, over the defaults: location, storageClass, labels, lifecycle, versioning and so on."""
    metageneration: int = 1
    policy: Resource = field(default_factory=dict)
    """The IAM policy."""

    @property
    def storage_class(self) -> str:
        """The class of objects that are written without naming one."""
        return str(self.given["storageClass"])

    @property
    def keeps_versions(self) -> bool:
        """Whether a replaced or deleted version stays as a noncurrent one."""
        return bool(section(self.given, "versioning").get("enabled"))

    @property
    def soft_delete_seconds(self) -> int:
        """How long deleted versions can be restored; 0 is not at all."""
        return whole_number(section(self.given, "softDeletePolicy").get("retentionDurationSeconds"))

    @property
    def retention_seconds(self) -> int:
        """How old an object must be before it may go."""
        return whole_number(section(self.given, "retentionPolicy").get("retentionPeriod"))


def section(resource: Resource, name: str) -> Resource:
    """A part of a resource that is itself an object; empty where there is none."""
    value = resource.get(name)
    return value if isinstance(value, dict) else {}


def whole_number(value: Json) -> int:
    """A count, which the API gives as a number or as text; 0 where there is none. Raises InvalidError where it has no 64 bits for it."""
    if not isinstance(value, int | str) or not str(value).isdecimal():
        return 0
    return checked_number(str(value))


def checked_number(digits: str) -> int:
    """A number of 63 bits. Raises InvalidError for a larger one."""
    if len(digits) > LONGEST_NUMBER or int(digits) > LARGEST_NUMBER:
        raise InvalidError(f"Invalid value: {digits[:40]} is larger than {LARGEST_NUMBER}.")
    return int(digits)


def check_storage_class(value: Json) -> str:
    """The name of a storage class. Raises InvalidError for anything else."""
    if value not in STORAGE_CLASSES:
        raise InvalidError(f"Storage class {value!r} is unknown; known are {', '.join(STORAGE_CLASSES)}.")
    return str(value)


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def timestamp(time: datetime) -> str:
    """A time as the API writes it: 2026-01-01T00:00:00.000Z."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def etag(*parts: int) -> str:
    """A tag that is another one whenever a part is."""
    return base64.b64encode("/".join(map(str, parts)).encode()).decode()


def bucket_resource(bucket: Bucket, root: str) -> Resource:
    """A bucket as the JSON API shows it. `root` is the scheme and host that the client used."""
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "selfLink": f"{root}/storage/v1/b/{bucket.name}",
        "projectNumber": "1",
        "metageneration": str(bucket.metageneration),
        "etag": etag(bucket.metageneration),
        "timeCreated": timestamp(bucket.created),
        "updated": timestamp(bucket.updated),
        **bucket.given,
    }


def object_resource(stored: StoredObject, root: str) -> Resource:
    """A version of an object as the JSON API shows it. `root` is the scheme and host that the client used."""
    path = f"storage/v1/b/{stored.bucket}/o/{quote(stored.name, safe='')}"
    resource: Resource = {
        "kind": "storage#object",
        "id": f"{stored.bucket}/{stored.name}/{stored.generation}",
        "selfLink": f"{root}/{path}",
        "mediaLink": f"{root}/download/{path}?generation={stored.generation}&alt=media",
        "name": stored.name,
        "bucket": stored.bucket,
        "generation": str(stored.generation),
        "metageneration": str(stored.metageneration),
        "etag": etag(stored.generation, stored.metageneration),
        "storageClass": stored.storage_class,
        "size": str(stored.content.size),
        "crc32c": stored.content.crc32c,
        "timeCreated": timestamp(stored.created),
        "updated": timestamp(stored.updated),
        "timeStorageClassUpdated": timestamp(stored.class_changed),
        **stored.given,
    }
    if stored.content.md5 is not None:
        resource["md5Hash"] = stored.content.md5
    if stored.content.components is not None:
        resource["componentCount"] = stored.content.components
    times = {"timeDeleted": stored.retired, "softDeleteTime": stored.soft_deleted, "hardDeleteTime": stored.expires}
    resource.update({name: timestamp(time) for name, time in times.items() if time is not None})
    return resource
