"""Google's own `bq` against the BigQuery emulator, where it is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra.emulators.bigquery_process import PROJECT, BigQueryProcess, Dataset

pytestmark = pytest.mark.skipif(shutil.which("bq") is None, reason="Google Cloud CLI is not installed")


def bq(process: BigQueryProcess, folder: Path, *arguments: str) -> str:
    token = folder / "token"
    token.write_text("a-token")
    environment = os.environ | {
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
    }
    command = ["bq", "--api", process.endpoint, "--project_id", PROJECT, "--quiet", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_partition_is_loaded_queried_and_kept_as_a_snapshot(bigquery_process: BigQueryProcess, dataset: Dataset, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        return bq(bigquery_process, tmp_path, *arguments)

    rows = tmp_path / "rows.json"
    rows.write_text('{"day":"2026-01-01","id":1}\n{"day":"2026-01-01","id":2}\n')
    table = f"{dataset.name}.t"

    run("mk", "--table", "--time_partitioning_field=day", "--time_partitioning_type=DAY", table, "day:DATE,id:INTEGER")
    for _ in range(2):
        run("load", "--replace", "--source_format=NEWLINE_DELIMITED_JSON", f"{table}$20260101", str(rows))
    run("cp", "--snapshot", "--no_clobber", table, f"{dataset.name}.s")
    counted = run(
        "query",
        "--use_legacy_sql=false",
        "--format=csv",
        "--parameter=day:DATE:2026-01-01",
        f"SELECT COUNT(*) AS n FROM {table} WHERE day = @day",
    )

    assert counted.split() == ["n", "2"]
    assert dataset.client.get_table(dataset.table("s")).table_type == "SNAPSHOT"
    assert dataset.client.list_partitions(dataset.table("t")) == ["20260101"]
