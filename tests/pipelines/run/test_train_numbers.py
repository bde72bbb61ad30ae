"""A whole run of a model whose label is a number: trained, judged, deployed, reproduced, and served."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from components.evaluation.results import Results, read_results
from tests.pipelines.command_line import CommandLine, small_spend


@pytest.fixture(scope="module")
def trained(command_line: CommandLine) -> dict[str, Any]:
    """The first version of the small spend."""
    small_spend(command_line.settings.models_folder)
    document: dict[str, Any] = command_line.json("train", "spend")
    return document


@pytest.fixture(scope="module")
def run(command_line: CommandLine, trained: dict[str, Any]) -> Path:
    """The folder of its run."""
    return command_line.settings.state_folder / "runs" / str(trained["run"])


@pytest.fixture(scope="module")
def results(run: Path) -> Results:
    return read_results(next(run.glob("artifacts/*/evaluate/results")))


@pytest.mark.slow
def test_a_run_ends_in_a_version_with_metrics_of_numbers(command_line: CommandLine, trained: dict[str, Any]) -> None:
    assert (trained["state"], trained["version"], trained["error"]) == ("SUCCEEDED", 1, None)
    (version,) = command_line.json("versions", "spend")
    found = version["metrics"]
    assert version["blessed"] is True
    assert found["r_squared"] > 0.1
    assert found["root_mean_squared_error"] == pytest.approx(math.sqrt(found["mean_squared_error"]))
    assert found["calibration"] == pytest.approx(found["mean_prediction"] / found["mean_label"])
    listed = command_line.run("versions", "spend").stdout
    assert "data through  R²      blessed" in listed
    assert f"{found['r_squared']:.4f}  yes " in listed


@pytest.mark.slow
def test_slices_have_intervals_by_key(command_line: CommandLine, trained: dict[str, Any]) -> None:
    story = command_line.json("show", "spend", str(trained["version"]))
    assert story["signature"]["outputs"] == {"score": "float32 [batch, 1]"}
    evaluation = next(one for one in story["evaluations"] if one["split"] == "eval" and one["version"] == 1)
    metrics = {(metric["name"], json.dumps(metric["slice"])): metric for metric in evaluation["metrics"]}
    for name in ("mean_absolute_error", "mean_prediction", "mean_label", "calibration"):
        for slice_ in ("{}", '{"recency_band": "0-30 days"}', '{"segment": "regular"}'):
            metric = metrics[name, slice_]
            assert metric["ci_low"] < metric["value"] < metric["ci_high"], (name, slice_)


@pytest.mark.slow
def test_a_version_is_deployed_after_it_answered_as_when_it_was_trained(command_line: CommandLine, trained: dict[str, Any]) -> None:
    deployed = command_line.run("deploy", "spend", str(trained["version"]), "--target", "prod", "--reason", "the first")
    assert deployed.returncode == 0, deployed.stderr
    (version,) = command_line.json("versions", "spend")
    assert version["live_on"] == ["prod"]


@pytest.mark.slow
def test_a_version_is_made_again_bit_by_bit(command_line: CommandLine, trained: dict[str, Any]) -> None:
    done = command_line.json("reproduce", "spend", str(trained["version"]))
    assert done["is_equal"] is True, done
    assert {name: part["verdict"] for name, part in done["parts"].items()} == dict.fromkeys(("examples", "weights", "metrics"), "equal")


@pytest.mark.slow
def test_the_same_rows_win_over_no_champion_by_chance(command_line: CommandLine, trained: dict[str, Any]) -> None:
    """Another seed is another model, as good: it is held against the champion by the size of its errors, and let through."""
    folder = command_line.settings.models_folder / "spend"
    toml = folder / "model.toml"
    toml.write_text(toml.read_text().replace("seed = 7", "seed = 8"))
    second = command_line.json("train", "spend")
    story = command_line.json("show", "spend", str(second["version"]))
    changes = [check for check in story["blessings"][0]["checks"] if check["baseline"] is not None]
    assert {(check["metric"], check["split"]) for check in changes} == {
        (metric, split) for metric in ("root_mean_squared_error", "mean_absolute_error") for split in ("eval", "newest")
    }
    assert trained["version"] + 1 == second["version"]


@pytest.mark.slow
def test_two_versions_are_compared_by_bands_of_what_they_predict(command_line: CommandLine, trained: dict[str, Any]) -> None:
    """Of today's rows, which have no label yet, and of those whose labels are known by now."""
    newest = command_line.json("compare", "spend", str(trained["version"]), "2")["newest"]
    assert newest["verdict"]["kind"] == "nothing", newest["verdict"]
    shares = newest["versions"][-1]["now"]["shares"]
    assert sum(shares.values()) == pytest.approx(1)
    assert next(iter(shares)).startswith("below ")
    assert 3 <= len(shares) <= 5
    assert newest["side_by_side"]["part"] == "band"
    assert {one["name"] for one in newest["on_same_rows"] if not one["slice"]} >= {"root_mean_squared_error", "r_squared", "calibration"}


@pytest.mark.slow
def test_the_report_has_residuals_and_calibration_by_decile(trained: dict[str, Any], results: Results) -> None:
    page = Path(trained["report"]).read_text()
    for text in ("Residuals", "Calibration by decile", "Mean label by span", "root_mean_squared_error"):
        assert text in page
    assert "ROC" not in page
    assert len(results.bands) == 10
    assert sum(band.count for band in results.bands) == next(metric.value for metric in results.metrics if metric.name == "example_count")
