"""A reason is one line that says something, and comes back from a pipeline's parameter as it was given."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import RegistryError
from components.reason import LONGEST_REASON, decode_reason, encode_reason, require_reason

TEMPLATES = re.compile(r"[{}$\"\\]")


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("", "nothing"),
        (" \t", "nothing"),
        ("two\nlines", "characters that cannot be shown"),
        ("\x1b[2J", "characters that cannot be shown"),
        ("a\0b", "characters that cannot be shown"),
        ("a\u202eb", "characters that cannot be shown"),
        ("a\udcffb", "characters that cannot be shown"),
        ("x" * 5_000, "5,000 characters"),
    ],
)
def test_a_reason_is_one_line_that_says_something(text: str, has: str) -> None:
    with pytest.raises(RegistryError, match=f" has {has}: say why in one line of at most 1,000 characters"):
        require_reason(text)


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE registry.model; -- ../.. Ж 日本 <b>", "{{$.inputs.parameters['model']}}", "100%41 {{=1}} $(rm)"]
)
def test_a_reason_may_say_anything_else(text: str) -> None:
    assert require_reason(f"  {text} ") == text


def test_an_ordinary_reason_stays_readable() -> None:
    assert encode_reason("New price list, see ticket 12 (it's out)!") == "New price list, see ticket 12 (it's out)!"


@given(st.text(max_size=LONGEST_REASON + 1))
def test_a_reason_is_refused_or_travels_without_a_template(text: str) -> None:
    if not 0 < len(text.strip()) <= LONGEST_REASON or not text.strip().isprintable():
        with pytest.raises(RegistryError, match="say why in one line of at most 1,000 characters") as refused:
            require_reason(text)
        assert str(refused.value).isprintable()
        return
    encoded = encode_reason(require_reason(text))
    assert decode_reason(encoded) == text.strip()
    assert encoded.isascii()
    assert not TEMPLATES.search(encoded)
