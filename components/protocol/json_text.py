"""Writes JSON as RapidJSON's PrettyWriter and TensorFlow Serving do."""

import numpy as np

from components.protocol.json_reader import JsonObject

SHORT = {8: b"\\b", 9: b"\\t", 10: b"\\n", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}
SHOWN_BYTES = 256
INDENT = b"    "


def quoted(text: bytes) -> bytes:
    """A text between quotation marks. Bytes that are no UTF-8 stay as they are."""
    if text.isascii() and text.isalnum():
        return b'"' + text + b'"'
    return b'"' + b"".join(SHORT.get(byte) or (b"\\u%04X" % byte if byte < ord(" ") else bytes((byte,))) for byte in text) + b'"'


def error_body(text: bytes) -> bytes:
    """The body of an answer that is an error."""
    return b'{\n    "error": ' + quoted(text) + b"\n}"


def decimal(value: float, *, is_single: bool = True) -> str:
    """Six digits if they read back the same, else 9 (17 for doubles); `.0` on whole numbers; NaN, Infinity."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    text = f"{value:.6g}"
    if (np.float32(text) if is_single else float(text)) != value:
        text = f"{value:.9g}" if is_single else f"{value:.17g}"
    return text if "." in text or "e" in text else text + ".0"


def kind(value: object) -> str:
    """The type of a JSON value, as errors call it."""
    names = {type(None): "Null", JsonObject: "Object", list: "Array", bytes: "String"}
    if isinstance(value, bool):
        return str(value)
    return names.get(type(value), "Number")


def shown(value: object) -> bytes:
    """A JSON value as an error names it: objects on lines, arrays on one. Nothing begins after 256 bytes; what had begun is finished."""
    writer = _ShortWriter()
    writer.write(value, b"")
    return bytes(writer.out)


class _ShortWriter:
    def __init__(self) -> None:
        self.out, self.depth = bytearray(), 0

    def write(self, item: object, before: bytes) -> bool:
        """Write an item after `before`; False: nothing may follow."""
        if self.is_full():
            return False
        self.out += before
        if isinstance(item, list):
            return self.container(item)
        if isinstance(item, float) and item - item != 0:  # NaN or infinite: the writer stops here
            return False
        self.out += _scalar(item)
        return True

    def is_full(self) -> bool:
        return len(self.out) >= SHOWN_BYTES

    def container(self, item: list[object] | JsonObject) -> bool:
        is_object = isinstance(item, JsonObject)
        self.out += b"{" if is_object else b"["
        self.depth += 1
        for index, member in enumerate(item):
            if not (self.member(index, member) if isinstance(item, JsonObject) else self.write(member, b", " if index else b"")):
                return False
        if self.is_full():
            return False
        self.depth -= 1
        self.out += (b"\n" + INDENT * self.depth if item else b"") + b"}" if is_object else b"]"
        return True

    def member(self, index: int, member: object) -> bool:
        if self.is_full() or not isinstance(member, tuple):
            return False
        self.out += (b",\n" if index else b"\n") + INDENT * self.depth + quoted(member[0])
        return self.write(member[1], b": ")


def _scalar(item: object) -> bytes:
    if isinstance(item, bytes):
        return quoted(item)
    if isinstance(item, float):
        return _double(item)
    words = {None: b"null", True: b"true", False: b"false"}
    return words[item] if item is None or isinstance(item, bool) else str(item).encode()


def _double(value: float) -> bytes:
    """A double as Grisu2 and Prettify write it: the shortest digits that read back the same."""
    if value == 0:
        return b"-0.0" if str(value)[0] == "-" else b"0.0"
    sign, (digits, exponent) = "-" if value < 0 else "", _parts(value)
    point = len(digits) + exponent
    if exponent >= 0 and point <= 21:
        text = digits + "0" * exponent + ".0"
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        text = (digits if len(digits) == 1 else digits[0] + "." + digits[1:]) + f"e{point - 1}"
    return (sign + text).encode()


def _parts(value: float) -> tuple[str, int]:
    """Digits without zeros around them, and the power of ten of the last one."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction if fraction != "0" else ""
    digits, power = (whole + fraction).lstrip("0"), int(exponent or 0) - len(fraction)
    stripped = digits.rstrip("0")
    return stripped, power + len(digits) - len(stripped)
