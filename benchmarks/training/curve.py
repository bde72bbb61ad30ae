"""Time and memory against rows, from 1,000 to 10,000,000: `make bench-curve` draws them into docs/scaling.md.

python -m benchmarks.training.curve [--smallest ROWS] [--largest ROWS]
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import altair as alt
import click

from benchmarks.ground import CURVE, Ground, Size, ground
from benchmarks.report.table import table
from benchmarks.training.rounds import run_ours
from components.report import drawing
from components.report.palette import MUTED
from components.settings import REPOSITORY

PAGE = REPOSITORY / "docs" / "scaling.md"
IMAGES = REPOSITORY / "docs" / "images"
POINTS = IMAGES / "scaling.json"
"""What was measured: sizes that are not measured anew stay."""
LIGHT = ("start", "schema", "pin", "record", "finish", "push")
"""Steps that do the same for any number of rows: they are in the whole, and not drawn."""
MEBIBYTE, MOST_GROWTH = 2**20, 1.3
INTRODUCTION = """
`perennial train MODEL --force` on copies of `churn` with fewer or more customers, nothing kept in the caches, each size once; the
interpreter that `perennial up` starts was there. A step's memory is the most that its process had, with the libraries that it shares with
all others; seconds mean little where the load before was above 2. `make bench-curve` measures and draws it anew up to 2,000,000 rows, and
`make bench-curve LARGEST=20000000` all of it: the last takes 6 GB of disk.
"""


@dataclass(frozen=True)
class Point:
    """A run of the whole pipeline, nothing kept."""

    rows: int
    total: float
    seconds: dict[str, float]
    peaks: dict[str, int]
    """In bytes."""
    load: float
    """The machine's load average over the minute before."""


@click.command()
@click.option("--smallest", type=click.IntRange(1), default=1, show_default=True, help="No fewer rows than that.")
@click.option("--largest", type=click.IntRange(1), default=2_000_000, show_default=True, help="No more rows than that.")
def main(smallest: int, largest: int) -> None:
    """Run the pipeline over more and more rows, and draw what came out."""
    known = {Point(**point).rows: Point(**point) for point in json.loads(POINTS.read_text())} if POINTS.exists() else {}
    with ground() as made:
        for size in CURVE:
            if smallest <= _rows(size) <= largest:
                point = _measured(made, size)
                known[point.rows] = point
                _keep(known)
                click.echo(f"{point.rows:,} rows: {point.total:.1f} s", err=True)
    points = [known[rows] for rows in sorted(known)]
    for name, values, title in (("time", _times(points), "seconds"), ("memory", _memory(points), "MiB")):
        (IMAGES / f"scaling-{name}.svg").write_text(str(drawing.draw(_chart(values, title), 620, 320)) + "\n")
    page = "\n\n".join(_page(points)) + "\n"
    PAGE.write_text(page)
    click.echo(page)


def _keep(known: Mapping[int, Point]) -> None:
    """Write every size as soon as it is measured: the largest takes long."""
    POINTS.write_text(json.dumps([asdict(known[rows]) for rows in sorted(known)], indent=1) + "\n")


def _rows(size: Size) -> int:
    """About how many rows a size has."""
    return size.spans * size.copies * (size.customers or 23_570)


def _measured(made: Ground, size: Size) -> Point:
    run = run_ours(made, size)
    counts = json.loads(next((made.state / "runs").glob(f"{size.model}-*/artifacts/*/read/counts")).read_text())
    return Point(sum(sum(count["labels"].values()) for count in counts), run.total, run.steps, run.peaks, round(run.load, 1))


def _steps(points: Sequence[Point]) -> list[str]:
    return [name for name in points[-1].seconds if name not in LIGHT]


def _times(points: Sequence[Point]) -> Iterator[drawing.Row]:
    for point in points:
        yield {"rows": point.rows, "value": point.total, "step": "whole command"}
        for name in _steps(points):
            yield {"rows": point.rows, "value": point.seconds[name], "step": name}


def _memory(points: Sequence[Point]) -> Iterator[drawing.Row]:
    for point in points:
        for name in _steps(points):
            yield {"rows": point.rows, "value": point.peaks[name] / MEBIBYTE, "step": name}


def _chart(values: Iterator[drawing.Row], title: str) -> drawing.Chart:
    """A line for each step over rows, both axes logarithmic."""
    base = alt.Chart(drawing.table(list(values))).encode(
        x=alt.X("rows:Q", scale=alt.Scale(type="log"), axis=alt.Axis(title="rows", format="~s", tickCount=5)),
        y=alt.Y("value:Q", scale=alt.Scale(type="log"), axis=alt.Axis(title=title)),
        color=alt.Color("step:N", legend=alt.Legend(title=None, orient="right", labelColor=MUTED.light)),
    )
    drawn: drawing.Chart = alt.layer(base.mark_line(), base.mark_point(filled=True))
    return drawn


def _page(points: Sequence[Point]) -> Iterator[str]:
    yield "# Time and memory against rows"
    yield INTRODUCTION.strip()
    yield "![Seconds of the whole command and of each step against the number of rows](images/scaling-time.svg)"
    yield "![Memory of each step against the number of rows](images/scaling-memory.svg)"
    names = _steps(points)
    seconds = [(f"{p.rows:,}", f"{p.load}", f"{p.total:.1f}", *(f"{p.seconds[name]:.1f}" for name in names)) for p in points]
    yield table(("rows", "load before", "whole (s)", *names), seconds)
    mebibytes = [(f"{point.rows:,}", *(f"{point.peaks[name] / MEBIBYTE:,.0f}" for name in names)) for point in points]
    yield table(("rows", *(f"{name} (MiB)" for name in names)), mebibytes)
    if len(points) > 1:
        last, before = points[-1], points[-2]
        growth = ", ".join(f"{name} {last.peaks[name] / before.peaks[name]:.2f}" for name in names)
        yield f"Memory at {last.rows:,} rows over that at {before.rows:,}: {growth}. The bound for ten times as many is {MOST_GROWTH}."


if __name__ == "__main__":
    main()
