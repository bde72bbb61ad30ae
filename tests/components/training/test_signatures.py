"""The file that describes a version's signatures."""

import json
from pathlib import Path

import pytest

from components.errors import RegistryError
from components.training.signatures import FILE, Column, Signatures, read_signatures, require_servable

COLUMNS = (
    Column("area", "float32", (2, 2)),
    Column("device", "string", optional=True),
    Column("pages", "int64"),
    Column("visits", "int64", ()),
)


def test_the_file_says_what_each_matrix_has_in_which_order(tmp_path: Path) -> None:
    Signatures(COLUMNS, 3).write(tmp_path)
    document = json.loads((tmp_path / FILE).read_text())
    assert document["signatures"] == ["serving_default", "raw", "packed"]
    assert document["columns"][0] == {"name": "area", "dtype": "float32", "shape": [2, 2], "optional": False}
    assert document["packed"] == {"int64": ["pages", "visits"], "float32": ["area"], "string": ["device"], "present": ["device"]}
    assert document["output"] == {"name": "score", "dtype": "float32", "shape": [3]}
    assert [column.width for column in COLUMNS] == [4, 1, 1, 1]
    assert read_signatures(tmp_path, "it") == Signatures(COLUMNS, 3)


@pytest.mark.parametrize("name", ["_x", "größe", "two words", "class", "self", "1st", "PAGES", "present"])
def test_a_name_that_is_none_of_an_input_leaves_raw_out(name: str) -> None:
    assert Signatures((*COLUMNS, Column(name, "int64")), 1).names == ("serving_default", "packed")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "TypeError("),
        ("{", "JSONDecodeError("),
        ('{"columns": [], "packed": {"int64": ["pages"]}, "output": {"shape": [1]}}', "ValueError('the order of the columns')"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(text)
    with pytest.raises(RegistryError) as error:
        read_signatures(tmp_path, "churn 3")
    assert str(error.value).startswith(f"assets.extra/signatures.json of churn 3 cannot be read ({reason}")
    assert str(error.value).endswith("): train a new version")


def test_a_version_without_the_file_is_refused() -> None:
    require_servable(["saved_model.pb", "assets.extra/signatures.json"], "churn 3")
    with pytest.raises(RegistryError, match="churn 3 has no assets.extra/signatures.json: it was made before versions ran in"):
        require_servable(["saved_model.pb"], "churn 3")
