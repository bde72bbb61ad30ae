"""The line of model.toml that a value stands on."""

import tomllib

import pytest

from components.model.toml_lines import find_line, no_toml

TEXT = """
title = \"\"\"
[window]
spans = 1
\"\"\"

[evaluation] # what is measured
slices = [
  ["device"],
  ["country"]
]
rows = 3

[[evaluation.thresholds]]
metric = "auc"

[[evaluation.thresholds]]
metric = "loss"

[window]
spans = 2
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("title",), 2),
        (("evaluation", "slices", 1, 0), 8),
        (("evaluation", "rows"), 12),
        (("evaluation", "missing"), 7),
        (("evaluation", "thresholds", 0, "metric"), 15),
        (("evaluation", "thresholds", 1, "metric"), 18),
        (("window", "spans"), 21),
        (("country",), None),
    ],
)
def test_the_line_of_a_value_is_found(place: tuple[int | str, ...], line: int | None) -> None:
    assert find_line(TEXT, place) == line


@pytest.mark.parametrize("value", ["true false", "false,", "inf nan", "[nan inf]"])
def test_what_is_no_text_is_not_to_be_put_between_quotes(value: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as raised:
        tomllib.loads(f"ok = {value}")
    assert no_toml(f"ok = {value}", raised.value) == f"{raised.value}"
