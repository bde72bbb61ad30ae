"""The pages of the documentation: each is in the site's navigation, and every link leads somewhere, in the repository and on the site."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.settings import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = {page.relative_to(REPOSITORY).as_posix(): page for page in (*PAGES, *sorted(REPOSITORY.glob("*.md")))}
START = "index.md"
"""README.md, which infra/site/pages.py puts there."""
CODE = re.compile(r"^```.*?^```|^ {4}[^\n]*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def navigation(part: object) -> Iterator[str]:
    """The pages that a part of the navigation names, in its order."""
    match part:
        case str():
            yield part
        case dict():
            for inside in part.values():
                yield from navigation(inside)
        case list():
            for inside in part:
                yield from navigation(inside)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings that GitHub and MkDocs make alike: the latter writes no two dashes in a row."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    names = {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
    return {name for name in names if "--" not in name and name.isascii()}


def faults(page: Path, text: str) -> list[str]:
    """The relative links of a page that lead nowhere."""
    found = []
    for target in LINK.findall(CODE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = Path(posixpath.normpath(page.parent / path)) if path else page
        if not file.is_file() or not file.is_relative_to(REPOSITORY) or (anchor and anchor not in anchors(file)):
            found.append(target)
    return found


def test_every_page_is_in_the_navigation_once() -> None:
    named = list(navigation(yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())["nav"]))
    assert named[0] == START
    assert sorted(named[1:]) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


def test_the_readme_names_every_page() -> None:
    named = set(LINK.findall(TEXTS["README.md"].read_text()))
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} - named == set()


def test_every_decision_is_in_the_list_of_decisions() -> None:
    decisions = sorted(page.name for page in (DOCS / "decisions").glob("0*.md"))
    assert LINK.findall((DOCS / "decisions" / "README.md").read_text()) == decisions


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    assert faults(TEXTS[name], TEXTS[name].read_text()) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a page](nothing.md)", ["nothing.md"]),
        ("[a part](serving.md#nothing)", ["serving.md#nothing"]),
        ("[a part](#nothing)", ["#nothing"]),
        ("[a folder](decisions)", ["decisions"]),
        ("[outside](../../x.md)", ["../../x.md"]),
        ("[a part](serving.md#the-prediction-log), [code](../pyproject.toml), `[code](in.code)`", []),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str, fault: list[str]) -> None:
    assert faults(DOCS / "gate.md", text) == fault
