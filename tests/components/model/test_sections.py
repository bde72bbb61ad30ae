"""Whatever model.toml says is read into values that can be trained with, or refused in one sentence that can be shown."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.errors import ModelFolderError
from components.model.folder import Model, read_model
from tests.components.visits import TOML, write_model

KEYS = [line.partition(" = ")[0] for line in TOML.splitlines() if " = " in line]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.sampled_from(
    ["", " ", "{{$}}", "a\0b", "x" * 2_000, "1e999", "-0", "nan", "true", "device", "../..", "a\nb", "\u202e", "9" * 400]
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**63, 2**64, 0, -1])
SCALARS = TEXTS | NUMBERS | st.booleans()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8)


def as_toml(value: Any) -> str:
    """A value in TOML."""
    match value:
        case bool():
            return str(value).lower()
        case float() if not math.isfinite(value):
            return str(value)
        case int() | float():
            return repr(value)
        case str():
            escaped = (f"\\U{ord(one):08x}" if one in '"\\' or not one.isprintable() else one for one in value)
            return f'"{"".join(escaped)}"'
        case list():
            return f"[{', '.join(map(as_toml, value))}]"
        case _:
            return f"{{ {', '.join(f'{as_toml(key)} = {as_toml(one)}' for key, one in value.items())} }}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models"))


@given(key=st.sampled_from(KEYS), value=VALUES)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_is_bounded_or_refused_in_one_sentence(folder: Path, key: str, value: Any) -> None:
    line = re.compile(rf"^{key} = .*$", re.MULTILINE)
    (folder / "model.toml").write_text(line.sub(lambda _: f"{key} = {as_toml(value)}", TOML.replace("TABLE", "site.visits"), count=1))
    try:
        model = read_model(folder.parent, "visits")
    except ModelFolderError as error:
        assert_shown(str(error))
        return
    assert_bounded(model)


def assert_shown(sentence: str) -> None:
    assert sentence.isprintable()
    assert len(sentence) < 2_000


def assert_bounded(model: Model) -> None:
    training = model.training
    assert 0 < training.epochs <= 10_000
    assert 0 < training.batch_size <= 1_000_000
    assert 0 < training.learning_rate <= 100
    assert 0 <= training.seed < 2**32
    for threshold in model.evaluation.thresholds:
        assert all(bound is None or math.isfinite(bound) for bound in (threshold.at_least, threshold.at_most))
        assert all(value.isprintable() for value in threshold.slice.values())
    assert model.title.isprintable()
    assert model.owner.isprintable()
