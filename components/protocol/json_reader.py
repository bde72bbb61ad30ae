"""Reads JSON as RapidJSON 1.1.0 does with TensorFlow Serving's flags, with the same words at the same offset where it cannot.

NaN and Infinity are numbers, nothing after the document is looked at, equal keys of an object are all kept. It is slow: what is in order is
read by orjson before.
"""

import re
from typing import NamedTuple

from components.protocol.refusal import Refusal

SPACE = b" \n\r\t"
ESCAPES = {34: 34, 47: 47, 92: 92, 98: 8, 102: 12, 110: 10, 114: 13, 116: 9}
NO_NAME, NO_COLON = "Missing a name for object member.", "Missing a colon after a name of object member."
NO_BRACE, NO_BRACKET = "Missing a comma or '}' after an object member.", "Missing a comma or ']' after an array element."
NO_VALUE = "Invalid value."
NO_QUOTE, NO_ESCAPE = "Missing a closing quotation mark in string.", "Invalid escape character in string."
BAD_PAIR, BAD_DIGITS = "The surrogate pair in string is invalid.", "Incorrect hex digit after \\u escape in string."
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
WHOLE = re.compile(rb"-?(?:0|[1-9][0-9]*)")
DIGITS = re.compile(rb"[0-9]+")
HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{4}")
MOST_DIGITS = 20
"""Of a number that 64 bits can hold."""


class JsonObject(list[tuple[bytes, object]]):
    """A JSON object: its members in order, equal keys kept."""

    def get(self, key: bytes, default: object = None) -> object:
        """The value of the first member with the key."""
        return next((value for name, value in self if name == key), default)


class _Open(NamedTuple):
    """A container whose end is not read yet, and the key under which it goes into the one around it."""

    container: JsonObject | list[object]
    key: bytes


_OPENED = object()


def read_document(data: bytes) -> object:
    """The document: JsonObject, list, bytes for text, int, float, bool or None.

    Raises:
        Refusal: RapidJSON refuses it.
    """
    return _Reader(data).document()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.open: list[_Open] = []
        self.key = b""

    def document(self) -> object:
        """Iterative: depth costs memory, and never the call stack."""
        if not self.data:
            raise Refusal("JSON Parse error: The document is empty")
        for byte in BYTE_ORDER_MARK:
            self.at += self.peek() == byte
        self.space()
        if self.peek() in b"\0,:]}":
            raise self.error("The document is empty.")
        value = self.value()
        while value is _OPENED or self.open:
            value = self.value() if value is _OPENED else self.put(value)
        return value

    def error(self, text: str, at: int | None = None) -> Refusal:
        return Refusal(f"JSON Parse error: {text} at offset: {self.at if at is None else at}")

    def peek(self) -> int:
        return self.data[self.at] if self.at < len(self.data) else 0

    def space(self) -> None:
        while self.at < len(self.data) and self.data[self.at] in SPACE:
            self.at += 1

    def value(self) -> object:
        """A whole value, or _OPENED where a container has begun whose first value comes next."""
        first = self.peek()
        if first == ord('"'):
            return self.string()
        if first not in b"{[" or not first:
            return self.scalar()
        self.at += 1
        self.space()
        container: JsonObject | list[object] = JsonObject() if first == ord("{") else []
        if self.peek() == (ord("}") if first == ord("{") else ord("]")):
            self.at += 1
            return container
        self.open.append(_Open(container, self.key))
        if isinstance(container, JsonObject):
            self.name()
        elif self.peek() in b"\0,:}":
            raise self.error(NO_VALUE)
        return _OPENED

    def put(self, value: object) -> object:
        """Put a value into the innermost container. Gives _OPENED if another value follows, else the container, which is whole."""
        container, key = self.open[-1]
        is_object = isinstance(container, JsonObject)
        if isinstance(container, JsonObject):
            container.append((self.key, value))
        else:
            container.append(value)
        self.space()
        after = self.peek()
        if after == ord(","):
            self.at += 1
            self.space()
            if is_object:
                self.name()
            elif self.peek() in b"\0,:}]":
                raise self.error(NO_VALUE)
            return _OPENED
        if after != (ord("}") if is_object else ord("]")):
            raise self.error(NO_BRACE if is_object else NO_BRACKET)
        self.at += 1
        self.open.pop()
        self.key = key
        return container

    def name(self) -> None:
        if self.peek() != ord('"'):
            raise self.error(NO_NAME)
        self.key = self.string()
        self.space()
        if self.peek() != ord(":"):
            raise self.error(NO_COLON)
        self.at += 1
        self.space()
        if self.peek() in b"\0,:}]":
            raise self.error(NO_VALUE)

    def string(self) -> bytes:
        out = bytearray()
        self.at += 1
        while (char := self.peek()) != ord('"'):
            if char == ord("\\"):
                out += self.escape()
            elif char < ord(" "):
                raise self.error(NO_ESCAPE if char else NO_QUOTE)
            else:
                out.append(char)
                self.at += 1
        self.at += 1
        return bytes(out)

    def escape(self) -> bytes:
        start = self.at
        self.at += 1
        escape = self.peek()
        if escape in ESCAPES:
            self.at += 1
            return bytes((ESCAPES[escape],))
        if escape != ord("u"):
            raise self.error(NO_ESCAPE, start)
        self.at += 1
        point = self.hexadecimal(start)
        if 0xD800 <= point <= 0xDBFF:
            if self.data[self.at : self.at + 2] != b"\\u":
                raise self.error(BAD_PAIR, start)
            self.at += 2
            low = self.hexadecimal(start)
            if not 0xDC00 <= low <= 0xDFFF:
                raise self.error(BAD_PAIR, start)
            point = ((point - 0xD800) << 10 | low - 0xDC00) + 0x10000
        return chr(point).encode("utf-8", "surrogatepass")

    def hexadecimal(self, start: int) -> int:
        digits = self.data[self.at : self.at + 4]
        if not HEXADECIMAL.fullmatch(digits):
            raise self.error(BAD_DIGITS, start)
        self.at += 4
        return int(digits, 16)

    def scalar(self) -> object:
        for word, value in ((b"true", True), (b"false", False), (b"null", None)):
            if self.peek() == word[0]:
                self.word(word)
                return value
        start, is_negative = self.at, self.peek() == ord("-")
        self.at += is_negative
        if self.peek() == ord("N"):
            self.word(b"NaN")
            return float("nan")
        if self.peek() == ord("I"):
            self.word(b"Inf")
            if self.peek() == ord("i"):
                self.word(b"inity")
            return float("-inf") if is_negative else float("inf")
        return self.number(start)

    def word(self, word: bytes) -> None:
        for byte in word:
            if self.peek() != byte:
                raise self.error(NO_VALUE)
            self.at += 1

    def number(self, start: int) -> int | float:
        whole = WHOLE.match(self.data, start)
        if whole is None:
            raise self.error(NO_VALUE)
        self.at = whole.end()
        if self.peek() == ord("."):
            self.at += 1
            self.digits("Miss fraction part in number.")
        if self.peek() in b"eE" and self.peek():
            self.at += 1
            self.at += self.peek() in b"+-" and self.peek() != 0
            self.digits("Miss exponent in number.")
        text = self.data[start : self.at]
        if self.at == whole.end() and len(text) <= MOST_DIGITS and -(2**63) <= int(text) < 2**64:
            return int(text)
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise self.error("Number too big to be stored in double.", start)
        return value

    def digits(self, otherwise: str) -> None:
        digits = DIGITS.match(self.data, self.at)
        if digits is None:
            raise self.error(otherwise)
        self.at = digits.end()
