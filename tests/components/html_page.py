"""What a page says, by section, table and attribute; and its golden text, without style and charts."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import pytest

GOLDENS = Path(__file__).parents[1] / "goldens" / "pages"
VOID = {"meta", "br", "link", "img", "hr", "input"}
TAGS_THAT_LOAD = {"script", "link", "img", "iframe", "object", "embed", "audio", "video", "source", "base", "form", "use", "image", "a"}
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("page")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = SubElement(self._open[-1], tag, {name: value or "" for name, value in attrs})
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        closed = self._open.pop()
        assert closed.tag == tag, f"<{closed.tag}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        parent = self._open[-1]
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + data
        else:
            parent.text = (parent.text or "") + data


def parse(page: str) -> Element:
    """The page's elements. Every tag is closed by its own."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    return builder.root


def select(page: str, path: str) -> Element:
    """The first element at ElementTree's path, such as `.//section[@aria-labelledby='data']`."""
    element = parse(page).find(path)
    assert element is not None, f"no {path} in the page"
    return element


def words(element: Element) -> str:
    """The text in an element, but for charts and style."""
    return " ".join(" ".join(_texts(element)).split())


def _texts(element: Element) -> list[str]:
    if element.tag in ("svg", "style"):
        return [element.tail or ""]
    return [element.text or "", *(text for child in element for text in _texts(child)), element.tail or ""]


def section(page: str, name: str) -> str:
    """The words of a section."""
    return words(select(page, f".//section[@aria-labelledby='{name}']"))


def table(page: str, name: str, index: int = 0) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    body = select(page, f".//section[@aria-labelledby='{name}']").findall(".//tbody")[index]
    return [[words(cell) for cell in row] for row in body.findall("tr")]


def assert_harmless(page: str) -> None:
    """The page can be written, loads nothing and runs nothing, whatever values it shows."""
    page.encode("utf-8")
    elements = list(parse(page).iter())
    assert not TAGS_THAT_LOAD & {element.tag for element in elements}
    assert not [name for element in elements for name in element.attrib if name.startswith("on") or name in ("src", "href")]
    assert set(re.findall(r"https?://[^\"' <)]+", page)) <= NAMESPACES
    assert "@import" not in page
    assert "url(" not in page
    assert page.count("</style>") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff\ufffe]", page)
    [policy] = [element.get("content") for element in elements if element.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def assert_golden(page: str, name: str, request: pytest.FixtureRequest) -> None:
    """The page is the golden one, but for its style and the insides of its charts."""
    text = re.sub(r"(<svg[^>]*>).*?</svg>", r"<svg></svg>", page, flags=re.DOTALL)
    text = re.sub(r"<style>.*?</style>", "<style></style>", text, flags=re.DOTALL)
    path = GOLDENS / name
    if request.config.getoption("--renew-goldens"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8"), f"{path} is stale; run: make goldens"
