"""The colours of the page and of its charts, each with its counterpart for dark screens."""

from typing import NamedTuple


class Ink(NamedTuple):
    """A colour. Charts are drawn with `light`; the page's style then maps it to the variable `--name`, which knows the dark one."""

    name: str
    light: str
    dark: str


PAGE_FILL = Ink("page", "#f5f4f1", "#15181b")
CARD_FILL = Ink("card", "#ffffff", "#1d2125")
INK = Ink("ink", "#1e252b", "#e5e8ea")
MUTED = Ink("muted", "#5d6871", "#9ca6ae")
LINE = Ink("line", "#e2e0da", "#30363c")
GUIDE = Ink("guide", "#a3aab0", "#69737b")
DATA = Ink("data", "#2f6ea3", "#7db4e4")
SOFT = Ink("soft", "#b4cde2", "#38546d")
SECOND = Ink("second", "#c4681c", "#eba55e")
GOOD = Ink("good", "#23764a", "#6fc795")
WARNING = Ink("warning", "#8f5a00", "#e3b04f")
BAD = Ink("bad", "#b5332b", "#f28b82")

PALETTE = (PAGE_FILL, CARD_FILL, INK, MUTED, LINE, GUIDE, DATA, SOFT, SECOND, GOOD, WARNING, BAD)
