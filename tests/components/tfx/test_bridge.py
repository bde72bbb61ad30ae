"""Stock executors inside a step: what goes in is checked first, what comes out says what it is."""

from pathlib import Path

import pytest

from components.errors import TaskError
from components.settings import Settings
from components.tfx.bridge import Executor, TypedArtifact, run_executor
from tests.components.artifacts import artifact

pytestmark = pytest.mark.slow

BEAM_ARGS = Settings.model_fields["beam_args"].default


def test_an_input_of_another_type_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="is a TFX Schema, expected Examples"):
        run_executor(
            Executor.STATISTICS_GEN,
            {"examples": TypedArtifact(artifact(tmp_path / "examples", tfx_type="Schema"), "Examples")},
            {"statistics": TypedArtifact(artifact(tmp_path / "statistics"), "ExampleStatistics")},
            properties={"exclude_splits": "[]"},
            beam_args=BEAM_ARGS,
        )
    assert list(tmp_path.iterdir()) == []


def test_what_an_executor_says_of_its_output_is_kept(tmp_path: Path) -> None:
    statistics = artifact(tmp_path / "statistics", tfx_type="ExampleStatistics", split_names="[]")
    schema, anomalies = artifact(tmp_path / "schema", tfx_type="Schema"), artifact(tmp_path / "anomalies", rows=3)
    Path(schema.path).mkdir()
    Path(schema.path, "schema.pbtxt").write_text("")
    run_executor(
        Executor.EXAMPLE_VALIDATOR,
        {"statistics": TypedArtifact(statistics, "ExampleStatistics"), "schema": TypedArtifact(schema, "Schema")},
        {"anomalies": TypedArtifact(anomalies, "ExampleAnomalies")},
        properties={"exclude_splits": "[]"},
        beam_args=BEAM_ARGS,
    )
    assert Path(anomalies.path).is_dir()
    assert anomalies.metadata["tfx_type"] == "ExampleAnomalies"
    assert anomalies.metadata["rows"] == 3
    assert str(anomalies.metadata["tfx_version"]).startswith("1.21.")
