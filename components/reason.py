"""The reasons that people give for what they ask: one rule for every command, and a form in which no other program rewrites them."""

import reprlib
from urllib.parse import quote, unquote

from components.errors import RegistryError

LONGEST_REASON = 1_000
LEFT_READABLE = " !'(),./:;?"
"""What stays as it is beside letters and digits: no brace, dollar, quote or backslash, of which templates and shells are made."""


def require_reason(reason: str) -> str:
    """Return the reason without surrounding spaces. It is recorded for good and shown in one line.

    Raises:
        RegistryError: it is empty, too long, or has characters that cannot be shown.
    """
    text = reason.strip()
    if not text or len(text) > LONGEST_REASON or not text.isprintable():
        has = "nothing" if not text else f"{len(text):,} characters" if len(text) > LONGEST_REASON else "characters that cannot be shown"
        raise RegistryError(f"the reason {reprlib.repr(text)} has {has}: say why in one line of at most {LONGEST_REASON:,} characters")
    return text


def as_reason(sentence: str) -> str:
    """A sentence, which may have values of somebody's table in it, as a reason: cut, and with a space for what cannot be shown."""
    return "".join(letter if letter.isprintable() else " " for letter in sentence)[:LONGEST_REASON].strip()


def encode_reason(reason: str) -> str:
    """The reason as a pipeline's parameter, percent-encoded: Kubeflow would replace the placeholders `{{…}}` of a person's text."""
    return quote(reason, safe=LEFT_READABLE)


def decode_reason(text: str) -> str:
    """The reason that was encoded."""
    return unquote(text)
