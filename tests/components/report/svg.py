"""What is drawn in a chart's SVG."""

import re

from components.report.palette import PALETTE


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def marks(svg: str, kind: str) -> int:
    """How many marks of a kind there are."""
    return sum(len(re.findall(r"<(?:path|line) ", group)) for group in re.findall(rf'<g class="mark-{kind} role-mark[^>]*>(.*?)</g>', svg))


def bars(svg: str) -> list[str]:
    """Where each bar begins, and how wide it is."""
    [group] = re.findall(r'<g class="mark-rect role-mark.*?</g>', svg)
    return [f"{float(left):.2f} {float(width):.2f}" for left, width in re.findall(r'd="M([\d.]+),[\d.]+h([\d.]+)', group)]


def strokes(svg: str) -> list[str]:
    """The colours of lines, in their order."""
    groups = re.findall(r'<g class="mark-line role-mark[^>]*>(.*?)</g>', svg)
    return [colour for group in groups for colour in re.findall(r'stroke="(#\w+)"', group)]


def plot_height(svg: str) -> float:
    """In pixels, without axes."""
    [height] = re.findall(r'class="background" aria-hidden="true" d="M0\.?5?,0\.?5?h[\d.]+v([\d.]+)', svg)[:1]
    return float(height)


def assert_fits_a_page(svg: str) -> None:
    """Dark screens know every colour, and two charts on a page share nothing."""
    known = {ink.light for ink in PALETTE} | {"none", "transparent"}
    assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', svg)) <= known
    assert not re.search(r'\sid="|href=|url\(', svg)
