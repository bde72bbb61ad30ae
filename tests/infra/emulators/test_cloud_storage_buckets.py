"""Buckets of the Cloud Storage emulator, by Google's unmodified client."""

import uuid

import pytest
from google.api_core.exceptions import BadRequest, Conflict, PreconditionFailed
from google.cloud import storage


def test_a_bucket_keeps_its_location_class_and_labels(client: storage.Client) -> None:
    new = client.bucket(f"bucket-{uuid.uuid4().hex}")
    new.storage_class = "NEARLINE"
    new.labels = {"team": "models"}

    client.create_bucket(new, location="europe-west1")

    found = client.get_bucket(new.name)
    assert (found.location, found.location_type, found.storage_class) == ("EUROPE-WEST1", "region", "NEARLINE")
    assert found.labels == {"team": "models"}
    assert found.metageneration == 1
    assert new.name in [bucket.name for bucket in client.list_buckets()]


def test_buckets_are_listed_by_prefix(client: storage.Client) -> None:
    prefix = uuid.uuid4().hex
    for name in ("one", "two"):
        client.create_bucket(f"{prefix}-{name}")

    assert [bucket.name for bucket in client.list_buckets(prefix=prefix)] == [f"{prefix}-one", f"{prefix}-two"]


def test_labels_are_merged_and_removed_one_by_one(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.labels = {"team": "models", "cost": "low"}
    bucket.patch()

    labels = bucket.labels
    del labels["cost"]
    bucket.labels = labels
    bucket.patch()

    found = client.get_bucket(bucket.name)
    assert found.labels == {"team": "models"}
    assert found.metageneration == 3


def test_lifecycle_rules_come_back_as_they_were_set(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.add_lifecycle_delete_rule(age=30, matches_prefix=["tmp/"])
    bucket.add_lifecycle_set_storage_class_rule("NEARLINE", age=7)
    bucket.patch()

    assert list(client.get_bucket(bucket.name).lifecycle_rules) == [
        {"action": {"type": "Delete"}, "condition": {"age": 30, "matchesPrefix": ["tmp/"]}},
        {"action": {"type": "SetStorageClass", "storageClass": "NEARLINE"}, "condition": {"age": 7}},
    ]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"action": {"type": "Delete"}, "condition": {"phaseOfMoon": "full"}}, "Lifecycle condition 'phaseOfMoon' is unknown"),
        ({"action": {"type": "Burn"}, "condition": {"age": 1}}, "Lifecycle action 'Burn' is unknown"),
        ({"action": {"type": "Delete"}, "condition": {}}, "A lifecycle rule needs at least one condition"),
        ({"action": {"type": "SetStorageClass", "storageClass": "WARM"}, "condition": {"age": 1}}, "Storage class 'WARM' is unknown"),
    ],
)
def test_a_lifecycle_rule_that_would_be_misunderstood_is_refused(bucket: storage.Bucket, rule: dict[str, object], message: str) -> None:
    bucket.lifecycle_rules = [rule]

    with pytest.raises(BadRequest, match=message):
        bucket.patch()


def test_an_iam_policy_is_set_and_tested(bucket: storage.Bucket) -> None:
    binding = {"role": "roles/storage.objectViewer", "members": {"user:somebody@example.com"}}
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.bindings.append(binding)

    bucket.set_iam_policy(policy)

    assert bucket.get_iam_policy(requested_policy_version=3).bindings == [binding]
    assert bucket.test_iam_permissions(["storage.objects.get"]) == ["storage.objects.get"]


def test_an_iam_policy_that_somebody_changed_meanwhile_is_not_overwritten(bucket: storage.Bucket) -> None:
    stale = bucket.get_iam_policy(requested_policy_version=3)
    bucket.set_iam_policy(bucket.get_iam_policy(requested_policy_version=3))

    with pytest.raises(PreconditionFailed, match="changed since it was read"):
        bucket.set_iam_policy(stale)


def test_only_an_empty_bucket_is_deleted(bucket: storage.Bucket) -> None:
    bucket.blob("a").upload_from_string("a")

    with pytest.raises(Conflict, match="not empty"):
        bucket.delete()
    bucket.delete(force=True)

    assert not bucket.exists()
