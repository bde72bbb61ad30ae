"""Every bound of the registry's schema is above what the product can write: nothing is refused there after a push."""

import re
from collections.abc import Mapping

import pytest

from components.deployment.request import LONGEST_ACTOR
from components.evaluation.metric import LONGEST_SLICE_KEY
from components.looks.data_check import DataCheck
from components.model.metric_names import BINARY_METRICS, REGRESSION_METRICS, class_metric_names
from components.reason import LONGEST_REASON
from components.runs.machine import machine_kind
from components.runs.provenance import component_version
from components.runs.steps import STEPS
from components.settings import REPOSITORY
from pipelines.run.launch import new_run_id

SCHEMA = (REPOSITORY / "components/database/migrations/versions/0001_baseline.sql").read_text()
LONGEST_MODEL, LONGEST_BUCKET, LONGEST_COLUMN, LONGEST_CLASS, LONGEST_TARGET, LONGEST_REQUEST_ID = 63, 222, 300, 64, 63, 128
"""Of model.toml and the settings, of Cloud Storage, of BigQuery, and of a request."""
LONGEST = {
    "gs_uri": len("gs:///content//") + LONGEST_BUCKET + LONGEST_MODEL + 64,
    "run_task.task_name": max(map(len, STEPS)),
    "run_task.component_name": max(map(len, STEPS)),
    "run_task.component_version": len(component_version("checks")),
    "finding.check_name": max(map(len, DataCheck)),
    "finding.column_name": LONGEST_COLUMN,
    "model_version.variant": 0,
    "model_version.training_machine": len(machine_kind()),
    "metric_name.name": max(map(len, (*BINARY_METRICS, *REGRESSION_METRICS, *class_metric_names(("x" * LONGEST_CLASS, "y"))))),
    "slice.slice_key": LONGEST_SLICE_KEY,
    "deployment_event.target": LONGEST_TARGET,
    "deployment_event.request_id": LONGEST_REQUEST_ID,
    "deployment_event.actor": LONGEST_ACTOR,
    "deployment_event.reason": LONGEST_REASON,
    "retirement.actor": LONGEST_ACTOR,
    "retirement.reason": LONGEST_REASON,
}
"""What each bounded column or domain gets at most, in characters."""


def bounds() -> Mapping[str, int]:
    """The bounds on lengths in the schema, by domain, or by table and column."""
    found, table = {}, ""
    for line in SCHEMA.splitlines():
        if created := re.match(r"CREATE TABLE (\w+)", line):
            table = created[1]
        if bounded := re.search(r"length\((\w+)\) (?:<=|BETWEEN 1 AND) (\d+)", line):
            domain = re.match(r"CREATE DOMAIN (\w+)", line)
            found[domain[1] if domain else f"{table}.{bounded[1]}"] = int(bounded[2])
    return found


def test_no_value_of_ours_is_longer_than_its_column_holds() -> None:
    assert bounds().keys() == LONGEST.keys()
    assert {name: length for name, length in LONGEST.items() if length > bounds()[name]} == {}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("run_id", new_run_id("m" * LONGEST_MODEL), id="run_id"),
        ("source_table", "project.data_set.table-é"),
        ("source_table", "example.com:project.dataset.table"),
        ("snapshot_table", "example.com:project.dataset.table_pinned_0123456789abcdef"),
    ],
)
def test_every_name_of_ours_is_of_the_columns_form(column: str, value: str) -> None:
    (pattern,) = re.findall(rf"^  {column} .*CHECK \({column} ~ '([^']+)'\)", SCHEMA, re.MULTILINE)
    assert re.fullmatch(pattern, value)


@pytest.mark.parametrize("value", ["table", "dataset.table", "a.b.c.d", "a..c"])
def test_a_table_without_its_project_is_of_no_form(value: str) -> None:
    (pattern,) = re.findall(r"^  source_table .*CHECK \(source_table ~ '([^']+)'\)", SCHEMA, re.MULTILINE)
    assert not re.fullmatch(pattern, value)
