"""One text for equal values."""

import pytest

from components.canonical import canonical_json, fingerprint


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_without_one_spelling_in_json_have_no_fingerprint(value: float) -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        fingerprint({"value": value})


def test_equal_values_have_one_spelling() -> None:
    assert canonical_json({"b": [1, (2,)], "a": "é"}) == canonical_json({"a": "é", "b": (1, [2])}) == '{"a":"\\u00e9","b":[1,[2]]}'


def test_a_fingerprint_is_the_sha_256_of_that_text() -> None:
    assert fingerprint({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
