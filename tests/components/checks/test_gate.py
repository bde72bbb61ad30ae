"""The gate before training, with the stock executors: good data pass, and what breaks the pinned schema is named."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies, AnomalyInfo

from components.checks.findings import Finding, ranked, refusal
from components.checks.gate import compute_statistics, import_schema, read_anomalies, validate
from components.examples.encode import TFRecordFile, encode_examples
from components.looks.data_check import DataCheck
from components.model.folder import read_model
from components.schema.anomalies import Anomaly
from components.settings import Settings
from tests.components.artifacts import artifact, examples_artifact
from tests.components.visits import SCHEMA, write_model

BEAM_ARGS = Settings.model_fields["beam_args"].default
STRICT = SCHEMA.replace('"seconds" type: FLOAT', '"seconds" type: FLOAT float_domain { disallow_nan: true disallow_inf: true }')
ROWS = 40
GOOD: Mapping[str, list[Any]] = {
    "pages": list(range(ROWS)),
    "seconds": [number / 7 for number in range(ROWS)],
    "device": ["phone", "desk"] * (ROWS // 2),
    "returned": [0, 1] * (ROWS // 2),
}


def first(column: str, value: object) -> dict[str, list[Any]]:
    """A column whose first value is another."""
    return {column: [value, *GOOD[column][1:]]}


def write_examples(folder: Path, splits: Mapping[str, Mapping[str, list[Any]]]) -> None:
    for split, columns in splits.items():
        (folder / f"Split-{split}").mkdir(parents=True)
        with TFRecordFile(folder / f"Split-{split}" / "data_tfrecord-20260304.gz") as file:
            file.write(encode_examples(pa.RecordBatch.from_pydict(dict(columns))).to_pylist())


Look = Callable[..., str]


@pytest.fixture
def check(tmp_path: Path) -> Look:
    """The sentence of the refusal of these rows, empty if they pass. They are read as the pipeline does it."""

    def check(train: Mapping[str, list[Any]] = GOOD, evaluation: Mapping[str, list[Any]] = GOOD, *, schema: str = SCHEMA) -> str:
        write_examples(tmp_path / "examples", {"train": train, "eval": evaluation})
        write_model(tmp_path / "models", schema=schema)
        statistics, pinned, anomalies = (artifact(tmp_path / name) for name in ("statistics", "schema", "anomalies"))
        examples = examples_artifact(tmp_path / "examples", "train", "eval")
        compute_statistics(examples, statistics, cache=tmp_path / "cache", beam_args=BEAM_ARGS)
        import_schema(read_model(tmp_path / "models", "visits"), pinned)
        findings: list[Finding] = validate(statistics, pinned, anomalies, beam_args=BEAM_ARGS)
        assert {(finding.check, finding.level, finding.blocks) for finding in findings} <= {(DataCheck.SCHEMA, "rows", True)}
        return refusal(ranked(findings)) or ""

    return check


@pytest.mark.slow
def test_data_that_keep_the_schema_pass(check: Look, tmp_path: Path) -> None:
    assert check(schema=STRICT) == ""
    assert read_anomalies(tmp_path / "anomalies") == ()
    assert (tmp_path / "schema" / "schema.pbtxt").read_text() == STRICT
    for split in ("train", "eval"):
        assert (tmp_path / "statistics" / f"Split-{split}" / "FeatureStats.pb").stat().st_size > 0


@pytest.mark.slow
def test_every_column_that_breaks_the_schema_is_named(check: Look, tmp_path: Path) -> None:
    train = {**GOOD, "seconds": [f"{value} s" for value in GOOD["seconds"]], **first("device", "watch"), "country": ["fr"] * ROWS}
    evaluation = {**GOOD, **first("seconds", float("nan")), **first("returned", 2), "pages": pa.nulls(ROWS, pa.int64())}
    assert check(train, evaluation, schema=STRICT) == (
        "blocked: column country of split train breaks schema.pbtxt: New column (column in data but not in schema) (and 5 more); "
        "mend the source, or review the column in schema.pbtxt"
    )
    found = {(finding.split, finding.feature): finding for finding in read_anomalies(tmp_path / "anomalies")}
    assert {where: finding.short for where, finding in found.items()} == {
        ("train", "country"): "New column",
        ("train", "device"): "Unexpected string values",
        ("train", "seconds"): "Multiple errors",
        ("eval", "pages"): "Column dropped",
        ("eval", "returned"): "Out-of-range values",
        ("eval", "seconds"): "Invalid values",
    }
    assert "Expected data of type: FLOAT but got STRING" in found["train", "seconds"].long
    assert "values missing from the schema: watch" in found["train", "device"].long
    assert "Unexpectedly large value: 2" in found["eval", "returned"].long


@pytest.mark.slow
def test_a_value_that_is_missing_and_too_few_rows_are_named(check: Look, tmp_path: Path) -> None:
    few = "dataset_constraints { min_examples_count: 1000 }"
    sentence = check(GOOD, {**GOOD, **first("seconds", None)}, schema=SCHEMA + few)
    assert sentence == (
        "blocked: split train breaks schema.pbtxt: The dataset has 40 examples, which is fewer than expected (and 2 more); "
        "mend the source, or review schema.pbtxt"
    )
    found = {(finding.split, finding.feature): finding.long for finding in read_anomalies(tmp_path / "anomalies")}
    assert set(found) == {("train", ""), ("eval", ""), ("eval", "seconds")}
    assert (
        "The feature was present in fewer examples than expected: minimum fraction = 1.000000, actual = 0.975000"
        in found["eval", "seconds"]
    )


# What was found, as a sentence


def write_anomalies(folder: Path, **splits: Anomalies) -> None:
    for split, anomalies in splits.items():
        (folder / f"Split-{split}").mkdir(parents=True)
        (folder / f"Split-{split}" / "SchemaDiff.pb").write_bytes(anomalies.SerializeToString())


def test_anomalies_are_in_the_order_of_splits_and_columns(tmp_path: Path) -> None:
    info = AnomalyInfo(short_description="Short", description="Long.")
    anomalies = Anomalies(anomaly_info={"b": info, "a": info})
    write_anomalies(tmp_path, eval=anomalies, train=anomalies)
    assert read_anomalies(tmp_path) == tuple(Anomaly(split, name, "Short", "Long") for split in ("train", "eval") for name in ("a", "b"))


def test_a_split_as_a_whole_may_break_the_schema(tmp_path: Path) -> None:
    write_anomalies(
        tmp_path, train=Anomalies(data_missing=True, dataset_anomaly_info=AnomalyInfo(short_description="Few", description="Few."))
    )
    assert read_anomalies(tmp_path) == (
        Anomaly("train", "", "No examples", "there is not one example"),
        Anomaly("train", "", "Few", "Few"),
    )


def test_without_anomalies_nothing_is_found(tmp_path: Path) -> None:
    write_anomalies(tmp_path, train=Anomalies(), eval=Anomalies())
    assert read_anomalies(tmp_path) == read_anomalies(tmp_path / "nowhere") == ()
