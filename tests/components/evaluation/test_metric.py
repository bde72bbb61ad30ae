"""A slice has one key, and what the registry could not hold is refused before anything is pushed."""

import pytest

from components.errors import SourceError
from components.evaluation.metric import Metric, require_recordable, slice_key


def test_slices_that_differ_have_keys_that_differ() -> None:
    assert slice_key({}) == ""
    assert slice_key({"device": "ios", "country": "DE"}) == "country=DE,device=ios"
    assert slice_key({"a": "1,b=2"}) == r"a=1\,b\=2"
    easily_confused = [{"a": "1", "b": "2"}, {"a": "1,b=2"}, {"a,b": "1=2"}, {"a": "1\\", "b": "2"}, {"a": "1\\,b=2"}, {"a=1,b": "2"}]
    slices = [*easily_confused, {"a": ""}, {"": "a"}]
    assert len({slice_key(features) for features in slices}) == len(slices)


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        (
            {"city": "x" * 900},
            f"slice city has the value '{'x' * 39}…' of city: with it the slice's name has 905 characters, 512 are possible; let",
        ),
        (
            {"city": "x" * 505, "device": "ios"},
            f"slice city, device has the value '{'x' * 39}…' of city: with it the slice's name has 521 characters, 512 are possible; let",
        ),
        ({"city": "," * 300}, f"slice city has the value '{',' * 39}…' of city: with it the slice's name has 605 characters, 512 are "),
        ({"city": "a\0b"}, "slice city has the value 'a\\\\x00b' of city: with it the slice's name has a NUL; let source.sql shorten it"),
    ],
)
def test_a_slice_that_the_registry_could_not_hold_is_named(features: dict[str, str], sentence: str) -> None:
    with pytest.raises(SourceError) as error:
        require_recordable([Metric("auc", {}, 0.5), Metric("auc", features, 0.5)])
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("features", [{}, {"city": ""}, {"city": "x" * 507}, {"city": "日本 \u202e\n"}])
def test_any_other_slice_is_let_through(features: dict[str, str]) -> None:
    require_recordable([Metric("auc", features, 0.5)])
