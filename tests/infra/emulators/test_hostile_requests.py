"""No request to the emulators of BigQuery and Cloud Storage ends in an error of theirs, in a traceback or without an answer."""

from collections.abc import Iterator

import pytest
from google.cloud import bigquery
from hypothesis import HealthCheck, given, settings

from tests.infra.emulators.bigquery_process import PROJECT, SCHEMA, BigQueryProcess, Dataset, rows_of
from tests.infra.emulators.cloud_storage_process import CloudStorageProcess
from tests.infra.emulators.emulator_process import EmulatorProcess
from tests.infra.emulators.hostile_requests import HostileRequest, Surface, hostile_requests

NOT_IMPLEMENTED, NO_ROOM = 501, 507
effort = settings(max_examples=150, derandomize=True, database=None, suppress_health_check=list(HealthCheck))

TABLE = {"projectId": PROJECT, "datasetId": "there", "tableId": "t"}
FIELD = {"name": "id", "type": "INTEGER", "mode": "NULLABLE", "description": "x"}
PARAMETER = {"name": "p", "parameterType": {"type": "INT64"}, "parameterValue": {"value": "1"}}
LIST = {
    "name": "p",
    "parameterType": {"type": "ARRAY", "arrayType": {"type": "DATE"}},
    "parameterValue": {"arrayValues": [{"value": "2026-01-01"}]},
}
WRITING = {"destinationTable": {**TABLE, "tableId": "made"}, "writeDisposition": "WRITE_APPEND", "createDisposition": "CREATE_IF_NEEDED"}
BIGQUERY = Surface(
    calls=[
        *((method, "/bigquery/v2/projects/{}/datasets") for method in ("GET", "POST")),
        *((method, "/bigquery/v2/projects/{}/datasets/{}") for method in ("GET", "PATCH", "PUT", "DELETE")),
        *((method, "/bigquery/v2/projects/{}/datasets/{}/tables") for method in ("GET", "POST")),
        *((method, "/bigquery/v2/projects/{}/datasets/{}/tables/{}") for method in ("GET", "PATCH", "PUT", "DELETE")),
        ("GET", "/bigquery/v2/projects/{}/datasets/{}/tables/{}/data"),
        *[("POST", "/bigquery/v2/projects/{}/datasets/{}/tables/{}/insertAll")] * 2,
        *((method, "/bigquery/v2/projects/{}/jobs") for method in ("GET", "POST", "POST", "POST")),
        ("GET", "/bigquery/v2/projects/{}/jobs/{}"),
        ("POST", "/bigquery/v2/projects/{}/jobs/{}/cancel"),
        ("DELETE", "/bigquery/v2/projects/{}/jobs/{}/delete"),
        *[("POST", "/bigquery/v2/projects/{}/queries")] * 3,
        ("GET", "/bigquery/v2/projects/{}/queries/{}"),
        *((method, "/upload/bigquery/v2/projects/{}/jobs") for method in ("POST", "PUT")),
        ("GET", "/bigquery/v2/projects"),
        ("GET", "/{}"),
    ],
    names=[PROJECT, "there", "t", "t$20260101", "t$__PARTITIONS_SUMMARY__", "t@-1000", "nothing"],
    parameters={
        "maxResults": ["1", "10"],
        "startIndex": ["0", "2"],
        "pageToken": ["1"],
        "selectedFields": ["id", "id,note"],
        "formatOptions.useInt64Timestamp": ["true"],
        "view": ["FULL"],
        "uploadType": ["resumable", "multipart", "media"],
        "upload_id": ["1"],
        "deleteContents": ["false"],
        "projection": ["full"],
        "stateFilter": ["done"],
        "minCreationTime": ["1700000000000"],
        "timeoutMs": ["10"],
        "location": ["US"],
        "prettyPrint": ["false"],
        "filter": ["labels.a:b"],
    },
    headers={
        "Content-Type": ["application/json", "multipart/related; boundary=b", "text/plain"],
        "Content-Encoding": ["gzip", "identity"],
        "If-Match": ["*"],
        "X-Upload-Content-Type": ["application/json"],
        "Content-Range": ["bytes 0-4/5", "bytes */5"],
    },
    bodies=[
        {"datasetReference": {"projectId": PROJECT, "datasetId": "another"}, "labels": {"a": "b"}, "defaultTableExpirationMs": "3600000"},
        {"tableReference": {**TABLE, "tableId": "new"}, "schema": {"fields": [FIELD]}, "expirationTime": "4000000000000"},
        {
            "tableReference": {**TABLE, "tableId": "parts"},
            "schema": {"fields": [FIELD, {"name": "day", "type": "DATE"}]},
            "timePartitioning": {"type": "DAY", "field": "day"},
        },
        {"tableReference": {**TABLE, "tableId": "v"}, "view": {"query": "SELECT 1 AS a", "useLegacySql": False}},
        {
            "rows": [{"insertId": "1", "json": {"day": "2026-01-01", "id": 1, "amount": 0.5, "note": "n"}}],
            "skipInvalidRows": True,
            "ignoreUnknownValues": False,
        },
        {
            "query": "SELECT @p AS a",
            "useLegacySql": False,
            "parameterMode": "NAMED",
            "queryParameters": [PARAMETER],
            "maxResults": 10,
            "timeoutMs": 1000,
        },
        {
            "query": "SELECT id FROM t WHERE day IN UNNEST(@p)",
            "useLegacySql": False,
            "queryParameters": [LIST],
            "defaultDataset": {"datasetId": "there"},
        },
        {"query": "SELECT * FROM there.t", "useLegacySql": False, "dryRun": True, "maximumBytesBilled": "100000000", "labels": {"a": "b"}},
        {"jobReference": {"jobId": "j"}, "configuration": {"query": {"query": "SELECT 1 AS id", "useLegacySql": False, **WRITING}}},
        {
            "configuration": {
                "copy": {"sourceTable": TABLE, "operationType": "SNAPSHOT", "destinationExpirationTime": "2100-01-01T00:00:00Z", **WRITING}
            }
        },
        {
            "configuration": {
                "load": {"sourceUris": ["gs://b/o"], "schema": {"fields": [FIELD]}, "sourceFormat": "CSV", "skipLeadingRows": 1, **WRITING}
            }
        },
        {"configuration": {"extract": {"sourceTable": TABLE, "destinationUris": ["gs://b/o"], "destinationFormat": "CSV"}}},
    ],
)
BUCKET = "/storage/v1/b/{}"
SIGNED = {
    "X-Goog-Algorithm": ["GOOG4-RSA-SHA256"],
    "X-Goog-Credential": ["a@b/20260101/auto/storage/goog4_request"],
    "X-Goog-Date": ["20260101T000000Z"],
    "X-Goog-Expires": ["600"],
    "X-Goog-SignedHeaders": ["host"],
    "X-Goog-Signature": ["00"],
}
STORAGE = Surface(
    calls=[
        *((method, "/storage/v1/b") for method in ("GET", "POST")),
        *((method, BUCKET) for method in ("GET", "PATCH", "PUT", "DELETE")),
        *((method, BUCKET + "/iam") for method in ("GET", "PUT")),
        ("GET", BUCKET + "/iam/testPermissions"),
        *[("GET", BUCKET + "/o")] * 2,
        *((method, BUCKET + "/o/{}") for method in ("GET", "PATCH", "PUT", "DELETE")),
        *(
            ("POST", BUCKET + rest)
            for rest in ("/o/{}/compose", "/o/{}/restore", "/o/{}/copyTo/b/{}/o/{}", "/o/{}/rewriteTo/b/{}/o/{}", "/o/{}/moveTo/o/{}")
        ),
        ("GET", "/download/storage/v1/b/{}/o/{}"),
        *((method, "/upload/storage/v1/b/{}/o") for method in ("POST", "POST", "PUT", "DELETE")),
        ("POST", "/batch/storage/v1"),
        ("GET", "/{}"),
        *((method, "/{}/{}") for method in ("GET", "HEAD", "PUT", "POST", "DELETE")),
        ("PATCH", "/{}"),
    ],
    names=["a-bucket", "an/object", "another", "nothing"],
    parameters={
        "project": ["p"],
        "name": ["made"],
        "uploadType": ["media", "multipart", "resumable"],
        "upload_id": ["1"],
        "generation": ["1"],
        "ifGenerationMatch": ["0", "1"],
        "ifMetagenerationNotMatch": ["1"],
        "prefix": ["an/"],
        "delimiter": ["/"],
        "maxResults": ["1"],
        "pageToken": ["YQ=="],
        "startOffset": ["a"],
        "matchGlob": ["**"],
        "versions": ["true"],
        "softDeleted": ["true"],
        "fields": ["items(name)"],
        "projection": ["full"],
        "alt": ["media"],
        "permissions": ["storage.objects.get"],
        "list-type": ["2"],
        "max-keys": ["1"],
        "continuation-token": ["a"],
        "uploads": [""],
        "uploadId": ["1"],
        "partNumber": ["1"],
        **SIGNED,
    },
    headers={
        "Content-Type": ["application/json", "multipart/related; boundary=b", "multipart/mixed; boundary=b", "text/plain"],
        "Range": ["bytes=0-1", "bytes=-1", "bytes=99-"],
        "Content-Range": ["bytes 0-4/5", "bytes */5", "bytes */*"],
        "X-Goog-Hash": ["crc32c=AAAAAA==", "md5=AAAAAAAAAAAAAAAAAAAAAA=="],
        "X-Goog-If-Generation-Match": ["0"],
        "X-Goog-Copy-Source": ["a-bucket/an/object"],
        "X-Goog-Meta-A": ["b"],
        "X-Upload-Content-Length": ["5"],
        "Content-MD5": ["AAAAAAAAAAAAAAAAAAAAAA=="],
        "If-None-Match": ["*"],
        "Accept-Encoding": ["gzip"],
        "Content-Encoding": ["gzip"],
    },
    bodies=[
        {"name": "another", "location": "US", "versioning": {"enabled": True}, "labels": {"a": "b"}},
        {"lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 1, "matchesPrefix": ["a"], "isLive": True}}]}},
        {"retentionPolicy": {"retentionPeriod": "1"}, "softDeletePolicy": {"retentionDurationSeconds": "0"}},
        {"bindings": [{"role": "roles/storage.objectViewer", "members": ["user:a@b"]}], "etag": "CAE="},
        {"name": "made", "contentType": "text/plain", "metadata": {"a": "b"}, "customTime": "2026-01-01T00:00:00Z", "temporaryHold": False},
        {
            "sourceObjects": [{"name": "an/object", "generation": "1", "objectPreconditions": {"ifGenerationMatch": "1"}}],
            "destination": {"contentType": "text/plain"},
        },
        {"crc32c": "AAAAAA==", "md5Hash": "AAAAAAAAAAAAAAAAAAAAAA==", "storageClass": "COLDLINE", "cacheControl": "no-cache"},
    ],
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProcess]:
    with BigQueryProcess(tmp_path_factory.mktemp("hostile_bigquery")).running() as process:
        fill(process)
        yield process


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStorageProcess]:
    with CloudStorageProcess(tmp_path_factory.mktemp("hostile_storage")).running() as process:
        process.client().create_bucket("a-bucket").blob("an/object").upload_from_string("hello")
        yield process


def fill(process: BigQueryProcess) -> None:
    client = process.client()
    client.create_dataset("there")
    dataset = Dataset(client, "there")
    dataset.make("t", (*SCHEMA, bigquery.SchemaField("tags", "STRING", "REPEATED")))
    dataset.load("t", rows_of("2026-01-01", 3))


def ask(process: EmulatorProcess, request: HostileRequest) -> None:
    said_before = len(process.output)
    status = request.send(process.port)
    said = process.output[said_before:]
    assert status < 500 or status in (NOT_IMPLEMENTED, NO_ROOM), (status, request, said)
    assert "Traceback" not in said, (status, request, said)


@effort
@given(request=hostile_requests(BIGQUERY))
def test_bigquery_answers_every_request(warehouse: BigQueryProcess, request: HostileRequest) -> None:
    ask(warehouse, request)


@effort
@given(request=hostile_requests(STORAGE))
def test_cloud_storage_answers_every_request(store: CloudStorageProcess, request: HostileRequest) -> None:
    ask(store, request)
