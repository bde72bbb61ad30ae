"""The rules by which Cloud Storage itself cares for the bucket: what nobody reads grows cold, what was replaced goes after a while."""

from google.cloud import storage

AGES = {"NEARLINE": 30, "COLDLINE": 90, "ARCHIVE": 365}
"""The age in days from which a class is the cheapest for objects that are hardly read."""
CLASSES = ("STANDARD", *AGES)
"""The storage classes, from the dearest to the cheapest to keep in."""
NONCURRENT_DAYS = 90
"""How many days an object that was replaced or deleted can be restored."""

RULES: tuple[dict[str, object], ...] = (
    # Rules cannot know what is live, so they are for the archive alone: what is served is a copy, under models/.
    *(
        {"action": {"type": "SetStorageClass", "storageClass": name}, "condition": {"age": days, "matchesPrefix": ["content/"]}}
        for name, days in AGES.items()
    ),
    {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": NONCURRENT_DAYS}},
)


def add_rules(bucket: storage.Bucket) -> bool:
    """Add those of the rules that the bucket lacks, beside what others have set; tells whether there were any. Nothing is sent yet."""
    there = [dict(rule) for rule in bucket.lifecycle_rules]
    missing = [rule for rule in RULES if rule not in there]
    bucket.lifecycle_rules = [*there, *missing]
    return bool(missing)
