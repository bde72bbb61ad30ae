"""KFP artifacts as TFX's and back: nothing that a step said is lost, nothing is said that Kubeflow would change."""

import math
from pathlib import Path
from typing import Any

import pytest

from components.errors import TaskError
from components.tfx.artifacts import from_tfx, to_tfx
from tests.components.artifacts import Artifact, artifact

pytestmark = pytest.mark.slow


def told(made: Any) -> dict[str, object]:
    """What the TFX artifact says again."""
    result = Artifact("gs://there", "/there")
    from_tfx(made, result)
    return result.metadata


def test_an_artifact_has_type_and_folder(tmp_path: Path) -> None:
    made = to_tfx(artifact(tmp_path, tfx_type="Examples"), "Examples")
    assert (made.TYPE_NAME, made.uri) == ("Examples", str(tmp_path))


def test_a_slash_at_the_end_of_a_folder_does_not_matter(tmp_path: Path) -> None:
    assert to_tfx(Artifact("gs://there/", f"{tmp_path}/"), "Schema").uri == str(tmp_path)


def test_an_artifact_of_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError) as error:
        to_tfx(artifact(tmp_path, tfx_type="Schema"), "Examples")
    assert str(error.value) == f"artifact {tmp_path} is a TFX Schema, expected Examples: wire the pipeline's outputs anew"


def test_an_artifact_without_a_type_may_be_any(tmp_path: Path) -> None:
    assert to_tfx(artifact(tmp_path), "Schema").TYPE_NAME == "Schema"


def test_what_is_known_of_a_type_becomes_its_properties(tmp_path: Path) -> None:
    made: Any = to_tfx(artifact(tmp_path, split_names='["train","eval"]', span=7.0, version="3"), "Examples")
    assert (made.split_names, made.span, made.version) == ('["train","eval"]', 7, 3)


@pytest.mark.parametrize(
    ("value", "again"),
    [
        ("text", "text"),
        ("", ""),
        ("naïve 日本語 \0 \"'", "naïve 日本語 \0 \"'"),
        (3, 3),
        (3.0, 3),  # as Kubeflow hands an integer back
        (-1, -1),
        (0.5, 0.5),
        (True, 1),
        ('json:{"a":[1,2]}', 'json:{"a": [1.0, 2.0]}'),
    ],
)
def test_other_values_survive_the_way_there_and_back(tmp_path: Path, value: object, again: object) -> None:
    metadata = told(to_tfx(artifact(tmp_path, rows=value), "Examples"))
    assert metadata["rows"] == again
    assert metadata["tfx_type"] == "Examples"


def test_the_way_there_and_back_again_changes_nothing_more(tmp_path: Path) -> None:
    given = {"split_names": '["train"]', "span": 7, "rows": 3, "share": 0.5, "who": "me", "what": 'json:{"a": [1.0, {"b": null}]}'}
    once = told(to_tfx(artifact(tmp_path, **given), "Examples"))
    assert once == given | {"tfx_type": "Examples"}
    assert told(to_tfx(artifact(tmp_path, **once), "Examples")) == once


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_kubeflow_cannot_keep_are_left_out(tmp_path: Path, value: float) -> None:
    assert "auc" not in told(to_tfx(artifact(tmp_path, auc=value), "Model"))


def test_what_kubeflow_adds_and_what_is_not_set_is_left_out(tmp_path: Path) -> None:
    made = to_tfx(artifact(tmp_path, display_name="x", store_session_info="y", _kfp_workspace="z", nothing=None), "Schema")
    assert told(made) == {"tfx_type": "Schema"}


def test_what_a_step_said_before_is_kept(tmp_path: Path) -> None:
    before = artifact(tmp_path, rows=3, blessed=0)
    made: Any = to_tfx(artifact(tmp_path), "ModelBlessing")
    made.set_int_custom_property("blessed", 1)
    from_tfx(made, before)
    assert before.metadata == {"rows": 3, "blessed": 1, "tfx_type": "ModelBlessing"}
