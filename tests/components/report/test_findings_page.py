"""The page of the gate before training: one look says what is wrong, where, since when, and what to do."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

from components.report.content import FoundRow
from components.report.findings_page import write

TEXT = FoundRow(
    column="price",
    check="text in numbers",
    what='of partition 2026-02-19 is text in 6 of 622 values (most often "n/a")',
    since=date(2026, 2, 19),
    days=11,
    measure=0.0096,
    threshold=0.0,
    touched=0.01,
    remedy="mend the preparation of the data",
    blocks=True,
)
LATE = replace(TEXT, column="", check="late data", what="partition 2026-02-04 was rewritten", since=None, remedy="nothing", blocks=False)


def page(folder: Path, *found: FoundRow) -> str:
    write("shop", found, folder / "page.html")
    return (folder / "page.html").read_text()


def words(text: str) -> str:
    body = text[text.index("<body>") :]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_what_blocks_is_the_headline(tmp_path: Path) -> None:
    said = words(page(tmp_path, TEXT, LATE))
    assert "shop ! Blocked by 1 of 2 findings column price of partition 2026-02-19 is text in 6 of 622 values" in said
    assert "mend the preparation of the data" in said
    assert "(rows as a whole)" in said


def test_warnings_alone_do_not_block(tmp_path: Path) -> None:
    assert "1 warning partition 2026-02-04 was rewritten" in words(page(tmp_path, LATE))


def test_nothing_found_is_said_too(tmp_path: Path) -> None:
    said = page(tmp_path)
    assert "Nothing found" in words(said)
    assert "<table" not in said


def test_values_are_escaped_and_nothing_is_loaded(tmp_path: Path) -> None:
    said = page(tmp_path, replace(TEXT, column="<b>", what="<script>alert(1)</script>", remedy="<img src=x>"))
    assert "<script" not in said
    assert "<img" not in said
    assert "&lt;script&gt;" in said
    assert not re.search(r"https?:", said)
