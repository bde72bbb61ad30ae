"""Buckets by the JSON API: making, finding, configuring and deleting them, and their IAM policy."""

import re
from dataclasses import replace

from starlette.responses import JSONResponse, Response

from cloud_storage.calls import Call
from cloud_storage.errors import ConditionError, ConflictError, InvalidError
from cloud_storage.json_api.objects import merged
from cloud_storage.json_api.preconditions import preconditions
from cloud_storage.json_api.resources import (
    Bucket,
    Json,
    Resource,
    State,
    bucket_resource,
    check_storage_class,
    etag,
    now,
    section,
    whole_number,
)
from cloud_storage.permissions import is_permitted
from cloud_storage.state.lifecycle import check_rules

LONGEST_SECONDS = {"retentionPolicy": ("retentionPeriod", 3_155_760_000), "softDeletePolicy": ("retentionDurationSeconds", 7_776_000)}
"""A hundred years, and ninety days (cloud.google.com/storage/docs/bucket-lock and soft-delete)."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
FIXED = ("etag", "id", "kind", "metageneration", "name", "projectNumber", "selfLink", "timeCreated", "updated")
DEFAULTS: Resource = {
    "location": "US",
    "locationType": "multi-region",
    "storageClass": "STANDARD",
    "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "inherited"},
    # The service keeps deleted objects for 7 days by default. On one machine that would only fill the disk.
    "softDeletePolicy": {"retentionDurationSeconds": "0"},
}
MULTI_REGIONS = ("ASIA", "EU", "US")


def list_buckets(call: Call) -> Response:
    """All buckets, whatever their project: names are unique in the whole service."""
    with call.store.transaction() as change:
        buckets = change.rows.buckets(call.query.get("prefix", ""))
    items: list[Json] = [bucket_resource(bucket, call.root) for bucket in buckets]
    return JSONResponse({"kind": "storage#buckets", "items": items})


def create(call: Call) -> Response:
    """Make a bucket with the configuration in the body, over the defaults."""
    name = call.body.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidError(f"Invalid bucket name: {name!r}")
    moment = now()
    bucket = Bucket(name, moment, moment, _configuration(DEFAULTS, call.body))
    with call.store.transaction() as change:
        if change.rows.bucket(name) is not None:
            raise ConflictError("Your previous request to create the named bucket succeeded and you already own it.")
        change.rows.save_bucket(bucket)
    return JSONResponse(bucket_resource(bucket, call.root))


def get(call: Call) -> Response:
    """A bucket and its configuration."""
    with call.store.transaction() as change:
        bucket = change.bucket(call.bucket)
    preconditions(call.query).check(0, bucket.metageneration, reading=True)
    return JSONResponse(bucket_resource(bucket, call.root))


def patch(call: Call) -> Response:
    """Change the configuration that the body names; null removes."""
    return _change(call, keep_others=True)


def update(call: Call) -> Response:
    """Replace the whole configuration."""
    return _change(call, keep_others=False)


def _change(call: Call, *, keep_others: bool) -> Response:
    with call.store.transaction() as change:
        bucket = change.bucket(call.bucket)
        preconditions(call.query).check(0, bucket.metageneration)
        fixed = {name: bucket.given[name] for name in ("location", "locationType")}
        given = _configuration(bucket.given if keep_others else DEFAULTS | fixed, call.body)
        bucket = replace(bucket, given=given | fixed, metageneration=bucket.metageneration + 1, updated=now())
        change.rows.save_bucket(bucket)
    return JSONResponse(bucket_resource(bucket, call.root))


def delete(call: Call) -> Response:
    """Delete an empty bucket. Soft-deleted objects do not keep it, and go with it."""
    with call.store.transaction() as change:
        bucket = change.bucket(call.bucket)
        preconditions(call.query).check(0, bucket.metageneration)
        if next(change.rows.scan(bucket.name, frozenset({State.LIVE, State.NONCURRENT})), None) is not None:
            raise ConflictError("The bucket you tried to delete is not empty.")
        for stored in list(change.rows.scan(bucket.name, frozenset({State.SOFT_DELETED}))):
            change.purge(stored)
        change.rows.drop_bucket(bucket.name)
    return Response(status_code=204)


def _configuration(before: Resource, changes: Resource) -> Resource:
    given = merged(before, {name: value for name, value in changes.items() if name not in FIXED})
    location = str(given["location"]).upper()
    given |= {"location": location, "locationType": "multi-region" if location in MULTI_REGIONS else "region"}
    check_storage_class(given["storageClass"])
    check_rules(section(given, "lifecycle").get("rule"))
    for section_name, (field, most) in LONGEST_SECONDS.items():
        if whole_number(section(given, section_name).get(field)) > most:
            raise InvalidError(f"Invalid value for {section_name}.{field}: it may be at most {most} seconds.")
    return given


def layout(call: Call) -> Response:
    """Whether a bucket has real folders (it never does); some clients ask before they list."""
    with call.store.transaction() as change:
        given = change.bucket(call.bucket).given
    answer: Resource = {"kind": "storage#storageLayout", "bucket": call.bucket, "hierarchicalNamespace": {"enabled": False}}
    return JSONResponse(answer | {name: given[name] for name in ("location", "locationType")})


def get_policy(call: Call) -> Response:
    """The IAM policy. It is kept, and without effect: the emulator's is a file."""
    with call.store.transaction() as change:
        bucket = change.bucket(call.bucket)
    return JSONResponse(_policy(bucket))


def set_policy(call: Call) -> Response:
    """Replace the IAM policy, unless somebody else has since the one was read whose etag the body has."""
    with call.store.transaction() as change:
        bucket = change.bucket(call.bucket)
        if call.body.get("etag") not in (None, "ACAB", _policy(bucket)["etag"]):
            raise ConditionError("The policy was changed since it was read: its etag is another one now.")
        version = whole_number(bucket.policy.get("changes")) + 1
        bindings = call.body.get("bindings", [])
        bucket = replace(bucket, policy={"changes": version, "bindings": bindings, "version": call.body.get("version", 1)})
        change.rows.save_bucket(bucket)
    return JSONResponse(_policy(bucket))


def _policy(bucket: Bucket) -> Resource:
    policy: Resource = {"version": 1, "bindings": [], **bucket.policy}
    version = whole_number(policy.pop("changes", 0))
    return policy | {"kind": "storage#policy", "resourceId": f"projects/_/buckets/{bucket.name}", "etag": etag(version)}


def test_permissions(call: Call) -> Response:
    """Those of the permissions that whoever asks has."""
    with call.store.transaction() as change:
        change.bucket(call.bucket)
    permissions = [permission for permission in call.query.getlist("permissions") if is_permitted(permission, call.bucket)]
    return JSONResponse({"kind": "storage#testIamPermissionsResponse", "permissions": permissions})
