"""A page in a real browser: in a sandboxed frame as Kubeflow shows it, on a phone, and on a dark screen."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH; every other test of the page runs without one")

DARK_SCREEN = "--blink-settings=preferredColorScheme=0"

MEASURE = """
<pre id="measured"></pre><script>
const frame = document.querySelector('iframe');
frame.onload = () => {
  const page = frame.contentDocument, width = page.documentElement.clientWidth;
  const sticksOut = e => e.getBoundingClientRect().right > width + 1 && !e.closest('.scroll, svg');
  const paint = (selector, property) => {
    const element = page.querySelector(selector);
    return element && frame.contentWindow.getComputedStyle(element)[property];
  };
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


def measured(page: str, folder: Path, *options: str) -> dict[str, object]:
    """What a script beside the frame sees of the page in it. The frame's own scripts may not run, as its sandbox says."""
    outer = folder / "outer.html"
    frame = f'<iframe sandbox="allow-same-origin" width="390" height="2000" srcdoc="{html.escape(page)}"></iframe>'
    outer.write_text(f"<!doctype html>{frame}{MEASURE}", encoding="utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile", *options]
    finished = subprocess.run(
        [*command, "--virtual-time-budget=10000", "--dump-dom", outer.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    [found] = re.findall(r'<pre id="measured">(.*?)</pre>', finished.stdout)
    result: dict[str, object] = json.loads(html.unescape(found))
    return result


def rgb(colour: str) -> str:
    return f"rgb({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:], 16)})"
