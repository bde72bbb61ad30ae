"""Roles in the emulators of BigQuery and Cloud Storage: whoever lacks a permission is refused as Google refuses him."""

import contextlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import Forbidden
from google.cloud import bigquery, storage
from google.oauth2.credentials import Credentials

from tests.infra.emulators.bigquery_process import PROJECT, BigQueryProcess
from tests.infra.emulators.cloud_storage_process import CloudStorageProcess
from tests.infra.emulators.emulator_process import PYTHON

TRAINER = "trainer@p.iam.gserviceaccount.com"
ADMINISTRATOR = "anybody@p.iam.gserviceaccount.com"
ISSUE = (
    "import sys, pathlib; from identity.tokens import issue, read_key;"
    "print(issue(read_key(pathlib.Path(sys.argv[1])), sys.argv[2], frozenset(), 3600))"
)


@dataclass(frozen=True)
class Doors:
    """Both emulators, with one policy."""

    folder: Path
    warehouse: BigQueryProcess
    objects: CloudStorageProcess

    def grant(self, *roles: tuple[str, str | None], own: dict[str, list[str]] | None = None) -> None:
        """Give the trainer these roles, each on the project or on a resource, and no other. `own` are permissions of roles of one's own."""
        bindings = [{"role": role, "members": [f"serviceAccount:{TRAINER}"], "resource": resource} for role, resource in roles]
        described = [{"name": name, "includedPermissions": permissions} for name, permissions in (own or {}).items()]
        (self.folder / "policy.json").write_text(json.dumps({"roles": described, "bindings": bindings}))

    def credentials(self, email: str = TRAINER) -> Credentials:
        """A token of an account."""
        command = [str(PYTHON), "-c", ISSUE, str(self.folder / "token.key"), email]
        token = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        expiry = datetime.now() + timedelta(hours=1)  # noqa: DTZ005 - Google's library wants it naive
        return Credentials(token, refresh_handler=lambda *_, **__: (token, expiry))

    def bigquery_client(self, email: str = TRAINER) -> bigquery.Client:
        """A client of BigQuery for an account."""
        return self.warehouse.client(self.credentials(email))

    def storage_client(self, email: str = TRAINER) -> storage.Client:
        """A client of Cloud Storage for an account."""
        return storage.Client("p", self.credentials(email), client_options={"api_endpoint": self.objects.endpoint})


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    options = ["--token-key", str(folder / "token.key"), "--policy", str(folder / "policy.json")]
    warehouse, objects = BigQueryProcess(folder / "bigquery", options=options), CloudStorageProcess(folder / "storage", options=options)
    with warehouse.running(), objects.running():
        doors = Doors(folder, warehouse, objects)
        with contextlib.closing(doors.bigquery_client(ADMINISTRATOR)) as client:
            client.query_and_wait("CREATE SCHEMA shop")
            client.query_and_wait("CREATE SCHEMA other")
            client.query_and_wait("CREATE TABLE shop.rows AS SELECT 1 AS n")
            client.query_and_wait("CREATE TABLE other.rows AS SELECT 2 AS n")
        with contextlib.closing(doors.storage_client(ADMINISTRATOR)) as client:
            client.create_bucket("versions").blob("a").upload_from_string("a")
        yield doors


READER = [("roles/bigquery.jobUser", None), ("roles/bigquery.dataViewer", "datasets/shop")]
EDITOR = [*READER, ("roles/bigquery.dataEditor", "datasets/other")]
OWNER = [*READER, ("roles/bigquery.dataOwner", "datasets/other")]
SNAPSHOT = "CREATE SNAPSHOT TABLE other.kept CLONE shop.rows"
EXPIRING = "Permission bigquery.tables.deleteSnapshot denied on table perennial-test:shop.rows"


@pytest.mark.parametrize(
    ("roles", "query", "missing"),
    [
        ([("roles/bigquery.dataViewer", None)], "SELECT 1", f"Access Denied: Project {PROJECT}: User does not have bigquery.jobs.create"),
        (
            [("roles/bigquery.jobUser", None)],
            "SELECT n FROM shop.rows",
            f"Access Denied: Table {PROJECT}:shop.rows: Permission bigquery.tables.getData",
        ),
        (
            READER,
            "SELECT n FROM shop.rows JOIN `other.rows` USING (n)",
            "Permission bigquery.tables.getData denied on table perennial-test:other.rows",
        ),
        (READER, "SELECT * FROM other.INFORMATION_SCHEMA.TABLES", "Permission bigquery.tables.get denied on dataset perennial-test:other"),
        (
            READER,
            "-- all of it\nINSERT INTO shop.rows (n) VALUES (2)",
            "Permission bigquery.tables.updateData denied on dataset perennial-test:shop",
        ),
        (READER, "DELETE FROM `shop.rows` WHERE TRUE", "bigquery.tables.updateData"),
        (READER, "CREATE OR REPLACE TABLE shop.more AS SELECT 1 AS n", "bigquery.tables.create denied on dataset perennial-test:shop"),
        (READER, SNAPSHOT, "bigquery.tables.create denied on dataset perennial-test:other"),
        (EDITOR, f"{SNAPSHOT} OPTIONS (expiration_timestamp = TIMESTAMP '2100-01-01')", EXPIRING),
        (READER, "SELECT ';'; DROP TABLE other.rows", "bigquery.tables.delete denied on dataset perennial-test:other"),
        (READER, "ALTER TABLE shop.rows SET OPTIONS (description = 'x')", "bigquery.tables.update"),
        (READER, "DROP TABLE IF EXISTS shop.rows", "bigquery.tables.delete"),
        (READER, "CREATE SCHEMA mine", "bigquery.datasets.create"),
    ],
)
def test_a_statement_needs_the_permissions_of_its_tables(
    doors: Doors, roles: list[tuple[str, str | None]], query: str, missing: str
) -> None:
    doors.grant(*roles)
    with contextlib.closing(doors.bigquery_client()) as client, pytest.raises(Forbidden) as refused:
        client.query_and_wait(query)
    assert missing in refused.value.message
    assert refused.value.errors[0]["reason"] == "accessDenied"


def test_who_has_the_roles_is_let_through(doors: Doors) -> None:
    doors.grant(*EDITOR, ("roles/bigquery.readSessionUser", None))
    with contextlib.closing(doors.bigquery_client()) as client:
        assert [row.n for row in client.query_and_wait("SELECT n FROM shop.rows")] == [1]
        client.query_and_wait(SNAPSHOT)
        assert client.get_table("other.kept").table_type == "SNAPSHOT"
        with pytest.raises(Forbidden, match=r"Permission bigquery\.tables\.deleteSnapshot denied on table perennial-test:other\.kept"):
            client.delete_table("other.kept")
        doors.grant(*OWNER)
        client.delete_table("other.kept")


def test_a_table_snapshot_that_expires_is_made_by_whoever_may_delete_it(doors: Doors) -> None:
    job = bigquery.CopyJobConfig(operation_type="SNAPSHOT", destination_expiration_time="2100-01-01T00:00:00Z")
    doors.grant(*EDITOR)
    with contextlib.closing(doors.bigquery_client()) as client:
        with pytest.raises(Forbidden, match=re.escape(EXPIRING)):
            client.copy_table("shop.rows", "other.expiring", job_config=job)
        doors.grant(*OWNER, ("roles/bigquery.dataOwner", "datasets/shop"))
        client.copy_table("shop.rows", "other.expiring", job_config=job).result()
        assert client.get_table("other.expiring").expires is not None


def test_a_role_of_ones_own_has_the_permissions_that_it_was_given(doors: Doors) -> None:
    job = bigquery.CopyJobConfig(operation_type="SNAPSHOT", destination_expiration_time="2100-01-01T00:00:00Z")
    name = "projects/perennial-test/roles/expiringSnapshots"
    with contextlib.closing(doors.bigquery_client()) as client:
        doors.grant(*EDITOR, (name, None), own={name: ["bigquery.tables.export"]})
        with pytest.raises(Forbidden, match=re.escape(EXPIRING)):
            client.copy_table("shop.rows", "other.own", job_config=job)
        doors.grant(*EDITOR, (name, None), own={name: ["bigquery.tables.deleteSnapshot"]})
        client.copy_table("shop.rows", "other.own", job_config=job).result()
        with pytest.raises(Forbidden, match=r"bigquery\.datasets\.delete"):
            client.delete_dataset("shop")


Act = Callable[[bigquery.Client], Any]


@pytest.mark.parametrize(
    ("act", "missing"),
    [
        (lambda client: client.get_table("other.rows"), "bigquery.tables.get denied on table perennial-test:other.rows"),
        (
            lambda client: list(client.list_rows(bigquery.Table("perennial-test.other.rows", [bigquery.SchemaField("n", "INT64")]))),
            "getData",
        ),
        (lambda client: list(client.list_tables("other")), "bigquery.tables.list denied on dataset perennial-test:other"),
        (lambda client: client.create_table("perennial-test.shop.t"), "bigquery.tables.create"),
        (lambda client: client.delete_table("shop.rows"), "bigquery.tables.delete denied"),
        (lambda client: client.delete_dataset("shop"), "bigquery.datasets.delete"),
        (lambda client: client.get_dataset("other"), "bigquery.datasets.get"),
        (lambda client: client.create_dataset("third"), "bigquery.datasets.create"),
        (lambda client: client.insert_rows_json("perennial-test.shop.rows", [{"n": 3}]), "bigquery.tables.updateData"),
        (lambda client: client.load_table_from_json([{"n": 3}], "shop.rows").result(), "bigquery.tables.create"),
        (lambda client: client.copy_table("shop.rows", "shop.more").result(), "bigquery.tables.create"),
        (lambda client: client.copy_table("other.rows", "shop.more").result(), "bigquery.tables."),
    ],
)
def test_a_method_needs_its_permission(doors: Doors, act: Act, missing: str) -> None:
    doors.grant(*READER)
    with contextlib.closing(doors.bigquery_client()) as client, pytest.raises(Forbidden) as refused:
        act(client)
    assert missing in refused.value.message


def test_a_read_session_needs_a_role_of_its_own(doors: Doors) -> None:
    from google.cloud.bigquery_storage_v1 import types

    bearer = [("authorization", f"Bearer {doors.credentials().token}")]
    session = types.ReadSession(table=f"projects/{PROJECT}/datasets/shop/tables/rows", data_format=types.DataFormat.ARROW)
    asked = {"parent": f"projects/{PROJECT}", "read_session": session, "max_stream_count": 1}
    reader = doors.warehouse.read_client()
    doors.grant(*READER)
    with pytest.raises(Forbidden, match=r"User does not have bigquery\.readsessions\.create permission in project perennial-test"):
        reader.create_read_session(asked, metadata=bearer)
    doors.grant(*READER, ("roles/bigquery.readSessionUser", None))
    made = reader.create_read_session(asked, metadata=bearer)
    assert made.streams
    session.table = f"projects/{PROJECT}/datasets/other/tables/rows"
    with pytest.raises(Forbidden, match=r"bigquery\.tables\.getData denied on table perennial-test:other\.rows") as refused:
        reader.create_read_session(asked, metadata=bearer)
    assert refused.value.grpc_status_code is grpc.StatusCode.PERMISSION_DENIED


Use = Callable[[storage.Bucket], Any]


@pytest.mark.parametrize(
    ("role", "use", "missing"),
    [
        ("objectCreator", lambda bucket: bucket.blob("a").download_as_bytes(), "storage.objects.get"),
        ("objectCreator", lambda bucket: list(bucket.list_blobs()), "storage.objects.list"),
        ("objectCreator", lambda bucket: bucket.blob("a").upload_from_string("b"), "storage.objects.delete"),
        ("objectCreator", lambda bucket: bucket.blob("b").compose([bucket.blob("a")]), "storage.objects.get"),
        ("objectViewer", lambda bucket: bucket.blob("b").upload_from_string("b"), "storage.objects.create"),
        ("objectViewer", lambda bucket: bucket.blob("a").delete(), "storage.objects.delete"),
        ("objectViewer", lambda bucket: bucket.blob("a").patch(), "storage.objects.update"),
        ("objectViewer", lambda bucket: bucket.copy_blob(bucket.blob("a"), bucket), "storage.objects.create"),
        ("objectUser", lambda bucket: bucket.reload(), "storage.buckets.get"),
        ("objectUser", lambda bucket: bucket.delete(), "storage.buckets.delete"),
        ("objectUser", lambda bucket: bucket.client.create_bucket("more"), "storage.buckets.create"),
        ("objectUser", lambda bucket: bucket.client.bucket("elsewhere").blob("a").download_as_bytes(), "storage.objects.get"),
    ],
)
def test_an_object_or_bucket_needs_its_permission(doors: Doors, role: str, use: Use, missing: str) -> None:
    doors.grant((f"roles/storage.{role}", "buckets/versions"))
    with contextlib.closing(doors.storage_client()) as client, pytest.raises(Forbidden) as refused:
        use(client.bucket("versions"))
    what = "bucket" if ".buckets." in missing else "object"
    assert f"{TRAINER} does not have {missing} access to the Google Cloud Storage {what}. Permission '{missing}' denied" in str(
        refused.value
    )


def test_a_batch_is_refused_call_by_call(doors: Doors) -> None:
    doors.grant(("roles/storage.objectViewer", "buckets/versions"))
    with contextlib.closing(doors.storage_client()) as client, pytest.raises(Forbidden, match=r"storage\.objects\.delete"):
        with client.batch():
            client.bucket("versions").blob("a").delete()


def test_who_may_use_objects_may_not_look_at_buckets(doors: Doors) -> None:
    doors.grant(("roles/storage.objectUser", "buckets/versions"))
    with contextlib.closing(doors.storage_client()) as client:
        bucket = client.bucket("versions")
        bucket.blob("c").upload_from_string("c")
        bucket.blob("c").upload_from_string("d")
        assert bucket.blob("c").download_as_bytes() == b"d"
        asked = ["storage.objects.create", "storage.buckets.get"]
        assert bucket.test_iam_permissions(asked) == asked[:1]
        bucket.blob("c").delete()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no policy: correct or delete it"),
        (
            '{"roles": [], "bindings": [{"role": "projects/p/roles/own", "members": []}]}',
            "projects/p/roles/own is no role that the emulators know",
        ),
        ('{"roles": [{"name": "own", "includedPermissions": []}], "bindings": []}', "own is no role of one's own: name it projects/"),
        (
            '{"roles": [{"name": "projects/p/roles/own", "includedPermissions": ["tables.get"]}], "bindings": []}',
            "the permissions of projects/",
        ),
        ('{"roles": [{"name": "projects/p/roles/own"}], "bindings": []}', "is no policy: correct or delete it"),
        ('{"bindings": [{"role": "roles/owner", "members": []}]}', "roles/owner is no role that the emulators know: roles/bigquery.admin,"),
    ],
)
def test_a_policy_that_nobody_understands_lets_nobody_in(doors: Doors, text: str, told: str) -> None:
    (doors.folder / "policy.json").write_text(text)
    with contextlib.closing(doors.bigquery_client()) as client, pytest.raises(Forbidden) as refused:
        client.query_and_wait("SELECT 1")
    assert told in refused.value.message
    with contextlib.closing(doors.storage_client()) as client, pytest.raises(Forbidden) as refused:
        client.bucket("versions").blob("a").download_as_bytes()
    assert "policy" in str(refused.value) or "no role" in str(refused.value)
