"""Text and numbers as a person reads them: safe to show, short, and with units."""

import math
import unicodedata
from collections.abc import Mapping
from datetime import datetime

ABSENT = "\N{EN DASH}"
UNSHOWABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's categories of controls, direction overrides, lone surrogates and characters that do not exist."""


def legible(text: str, limit: int = 1000) -> str:
    """The text with its unshowable characters spelled out, such as `\\x00`, and cut after `limit` characters.

    Values come from somebody's table. A direction override would show them reversed, a lone surrogate cannot be written
    as UTF-8, and a control character in a chart's label aborts the whole process inside vl-convert.
    """
    shown = "".join(map(_shown, text[:limit]))
    hidden = len(text) - limit
    return shown if hidden <= 0 else f"{shown}… ({count(hidden)} more characters)"


def label(text: str, limit: int = 40) -> str:
    """A text for a chart's axis, where there is no room to tell how much was cut."""
    return legible(text) if len(text) <= limit else legible(text[: limit - 1]) + "…"


def slice_text(features: Mapping[str, str]) -> str:
    """The slice of rows that these features' values name: `segment occasional`, by name where there are several, or `all rows`."""
    return ", ".join(f"{name} {value}" for name, value in sorted(features.items())) or "all rows"


def count(rows: float) -> str:
    """12,345"""
    return f"{rows:,.0f}"


def number(value: float | None) -> str:
    """Any quantity, with four digits that matter: 12,345 · 0.1234 · 1.2e-07 · NaN · ∞."""
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return _unfinite(value)
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        return _minus(f"{value:.3g}")
    return _minus(f"{value:,.0f}" if size >= 1000 else f"{value:.4g}")


def score(value: float | None) -> str:
    """A metric, with the four decimals that make two of them comparable: 0.8000."""
    if value is None or not math.isfinite(value) or abs(value) >= 10 or 0 < abs(value) < 0.001:
        return number(value)
    return _minus(f"{value:.4f}")


def percent(share: float | None) -> str:
    """12.3%; never 0% or 100% unless it is exactly that."""
    if share is None:
        return ABSENT
    if not math.isfinite(share):
        return _unfinite(share)
    if 0 < share < 0.001:
        return "< 0.1%"
    if 0.999 < share < 1:
        return "> 99.9%"
    return f"{100 * share:.0f}%" if share in (0, 1) else f"{100 * share:.1f}%"


def duration(seconds: float) -> str:
    """0.4 s · 12.3 s · 3 min 05 s · 1 h 02 min"""
    if not math.isfinite(seconds):
        return ABSENT
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def moment(when: datetime) -> str:
    """4 January 1998, 06:00 UTC"""
    return f"{when.day} {when:%B %Y, %H:%M %Z}".rstrip()


def _shown(character: str) -> str:
    if character == "\n" or unicodedata.category(character) not in UNSHOWABLE:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _unfinite(value: float) -> str:
    return "NaN" if math.isnan(value) else "∞" if value > 0 else "\N{MINUS SIGN}∞"


def _minus(digits: str) -> str:
    return digits.replace("-", "\N{MINUS SIGN}", 1) if digits.startswith("-") else digits
