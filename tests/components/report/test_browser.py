"""The page in a real browser: in a sandboxed frame as Kubeflow shows it, on a phone, and on a dark screen."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from components.report.content import RunReport
from components.report.page import render
from components.report.palette import CARD, DATA

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH; every other test of the page runs without one")

MEASURE = """
<pre id="measured"></pre><script>
const frame = document.querySelector('iframe');
frame.onload = () => {
  const page = frame.contentDocument, width = page.documentElement.clientWidth;
  const sticksOut = e => e.getBoundingClientRect().right > width + 1 && !e.closest('.scroll, svg');
  const paint = (selector, property) => frame.contentWindow.getComputedStyle(page.querySelector(selector))[property];
  document.getElementById('measured').textContent = JSON.stringify({
    title: page.title,
    overflow: page.documentElement.scrollWidth - width,
    sticking: [...page.querySelectorAll('*')].filter(sticksOut).length,
    charts: [...page.querySelectorAll('svg')].map(e => Math.round(e.getBoundingClientRect().height)),
    card: paint('.card', 'backgroundColor'),
    bar: paint('.mark-rect path', 'fill'),
    last: page.querySelector('main').lastElementChild.querySelector('h2').textContent,
    scripted: Boolean(frame.contentWindow.scripted),
  });
};
</script>
"""


def _measured(page: str, folder: Path, *options: str) -> dict[str, object]:
    """What a script beside the frame sees of the page in it. The frame's own scripts may not run, as its sandbox says."""
    outer = folder / "outer.html"
    frame = f'<iframe sandbox="allow-same-origin" width="390" height="2000" srcdoc="{html.escape(page)}"></iframe>'
    outer.write_text(f"<!doctype html>{frame}{MEASURE}", encoding="utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile", *options]
    finished = subprocess.run(
        [*command, "--virtual-time-budget=10000", "--dump-dom", outer.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    [found] = re.findall(r'<pre id="measured">(.*?)</pre>', finished.stdout)
    measured: dict[str, object] = json.loads(html.unescape(found))
    return measured


def _rgb(colour: str) -> str:
    return f"rgb({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:], 16)})"


def test_the_page_fits_a_phone_and_shows_every_chart_in_a_sandboxed_frame(pushed: RunReport, tmp_path: Path) -> None:
    measured = _measured(render(pushed), tmp_path)
    assert measured["title"] == "churn: Pushed as version 7"
    assert measured["last"] == "Lineage"
    assert (measured["overflow"], measured["sticking"]) == (0, 0)
    heights = measured["charts"]
    assert isinstance(heights, list)
    assert len(heights) == 14
    assert min(heights) >= 40
    assert (measured["card"], measured["bar"]) == (_rgb(CARD.light), _rgb(DATA.light))


def test_charts_have_dark_colours_on_a_dark_screen(pushed: RunReport, tmp_path: Path) -> None:
    measured = _measured(render(pushed), tmp_path, "--blink-settings=preferredColorScheme=0")
    assert (measured["card"], measured["bar"]) == (_rgb(CARD.dark), _rgb(DATA.dark))


def test_hostile_names_neither_run_nor_widen_the_page(pushed: RunReport, tmp_path: Path) -> None:
    hostile = replace(
        pushed,
        model="<script>window.scripted = 1</script>",
        run_id="x" * 10_000,
        metrics=tuple(replace(m, name="y" * 500) for m in pushed.metrics),
    )
    measured = _measured(render(hostile), tmp_path)
    assert measured["title"] == "<script>window.scripted = 1</script>: Pushed as version 7"
    assert (measured["scripted"], measured["overflow"]) == (False, 0)
