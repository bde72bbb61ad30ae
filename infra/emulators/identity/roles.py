"""Google's predefined roles, with those of their permissions that the emulators ask for.

https://cloud.google.com/bigquery/docs/access-control and https://cloud.google.com/storage/docs/access-control/iam-roles
"""

_READ_TABLES = frozenset(
    f"bigquery.{name}" for name in ("datasets.get", "tables.createSnapshot", "tables.export", "tables.get", "tables.getData", "tables.list")
)
_WRITE_TABLES = _READ_TABLES | {
    f"bigquery.{name}" for name in ("datasets.create", "tables.create", "tables.delete", "tables.update", "tables.updateData")
}
_OWN_TABLES = _WRITE_TABLES | {"bigquery.datasets.delete", "bigquery.datasets.update", "bigquery.tables.deleteSnapshot"}
_READ_SESSIONS = frozenset({"bigquery.readsessions.create", "bigquery.readsessions.getData"})
_JOBS = frozenset({"bigquery.jobs.create"})
_READ_OBJECTS = frozenset({"storage.objects.get", "storage.objects.list"})
_WRITE_OBJECTS = _READ_OBJECTS | {f"storage.objects.{name}" for name in ("create", "delete", "move", "restore", "update")}
_BUCKETS = frozenset(f"storage.buckets.{name}" for name in ("create", "delete", "get", "getIamPolicy", "list", "setIamPolicy", "update"))

ROLES: dict[str, frozenset[str]] = {
    "roles/bigquery.admin": _OWN_TABLES | _READ_SESSIONS | _JOBS,
    "roles/bigquery.dataEditor": _WRITE_TABLES,
    "roles/bigquery.dataOwner": _OWN_TABLES,
    "roles/bigquery.dataViewer": _READ_TABLES,
    "roles/bigquery.jobUser": _JOBS,
    "roles/bigquery.readSessionUser": _READ_SESSIONS,
    "roles/bigquery.user": _READ_SESSIONS | _JOBS | {"bigquery.datasets.create", "bigquery.datasets.get", "bigquery.tables.list"},
    "roles/cloudsql.client": frozenset(),
    "roles/cloudsql.instanceUser": frozenset(),
    "roles/storage.admin": _BUCKETS | _WRITE_OBJECTS,
    "roles/storage.legacyBucketReader": frozenset({"storage.buckets.get", "storage.objects.list"}),
    "roles/storage.objectAdmin": _WRITE_OBJECTS,
    "roles/storage.objectCreator": frozenset({"storage.objects.create"}),
    "roles/storage.objectUser": _WRITE_OBJECTS,
    "roles/storage.objectViewer": _READ_OBJECTS,
}
"""Those of Cloud SQL stand here so that a whole policy can be tried: its emulator has rules of its own."""
