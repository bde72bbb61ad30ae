"""How fast versions age, by metrics that are given: hard spans make nobody old, errors are turned round, few versions prove nothing."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from components.errors import UntoldError
from components.evaluation.metric import Metric
from components.report.palette import CARD_FILL
from components.staleness.ageing import Ageing, ageing_of
from components.staleness.page import write_staleness_page
from components.staleness.record import AgedMetrics, LaterMetrics, LaterSpans
from pipelines.cli.text.staleness import headline
from tests.components.html_page import assert_harmless, section, table
from tests.components.report.browser import DARK_SCREEN, measured, needs_chromium, rgb

FIRST = date(2026, 1, 5)
EVIL = "<script>alert(1)</script>\u202e"


def weeks(count: int) -> date:
    return FIRST + timedelta(weeks=count)


def spans_of(
    versions: int, *, a_week: float, spans: int = 20, metric: str = "auc", noise: float = 0.002, notes: tuple[str, ...] = ()
) -> LaterSpans:
    """A version every second week; all are worse on every third span, and each loses `a_week` a week of its age."""
    chance = np.random.default_rng(1)
    learned = {number + 1: weeks(2 * number) for number in range(versions)}
    cells = [
        AgedMetrics(
            since,
            LaterMetrics(
                version=version,
                span=weeks(week),
                rows_sha256="a" * 64,
                rows=500,
                metrics=(
                    Metric(metric, {}, 0.8 - 0.1 * (week % 3 == 0) - a_week * (week - 2 * (version - 1)) + float(chance.normal(0, noise))),
                ),
            ),
        )
        for version, since in learned.items()
        for week in range(2 * version - 1, spans)
    ]
    return LaterSpans(learned, tuple(cells), len(cells), notes)


def test_the_pace_is_found_whatever_the_spans_are_like() -> None:
    ageing = ageing_of("churn", "auc", spans_of(6, a_week=0.01))
    assert ageing.pace.a_month == pytest.approx(0.01 / 7 * 30, abs=0.002)
    assert ageing.pace.is_certain
    assert headline(ageing).startswith("churn: a version loses 0.04")
    assert [point.age_days for point in ageing.curve] == sorted({point.age_days for point in ageing.curve})
    expected = [point.expected for point in ageing.curve]
    assert expected == sorted(expected)
    assert sum(point.count for point in ageing.curve) == len(ageing.values)


def test_what_does_not_age_is_said_to_be_chance() -> None:
    ageing = ageing_of("churn", "auc", spans_of(6, a_week=0.0))
    assert not ageing.pace.is_certain
    assert headline(ageing).startswith("churn: no ageing can be told from chance between ")


def test_versions_that_select_other_rows_are_not_held_against_each_other() -> None:
    spans = spans_of(6, a_week=0.0)
    cells = tuple(
        replace(cell, recipe=1, found=replace(cell.found, metrics=(replace(cell.found.metrics[0], value=0.3),)))
        if cell.found.version < 4
        else cell
        for cell in spans.cells
    )
    ageing = ageing_of("churn", "auc", replace(spans, cells=cells))
    assert not ageing.pace.is_certain
    assert max(abs(point.loss) for point in ageing.curve) < 0.01, "it is no age that makes the old ones worse by 0.5"


def test_of_an_error_less_is_better() -> None:
    ageing = ageing_of("spend", "root_mean_squared_error", spans_of(6, a_week=-0.01, metric="root_mean_squared_error"))
    assert ageing.pace.a_month == pytest.approx(0.01 / 7 * 30, abs=0.002)
    mean = float(np.mean([one.value - one.loss for one in ageing.values]))
    assert ageing.fact.losses == pytest.approx([point.expected / mean for point in ageing.curve]), "a policy is told of shares of the error"


def test_two_versions_have_no_interval() -> None:
    ageing = ageing_of("churn", "auc", spans_of(2, a_week=0.01))
    assert (ageing.pace.low, ageing.pace.high) == (None, None)
    assert headline(ageing).endswith("by 2 versions, which are too few to tell it from chance")


def written(folder: Path, ageing: Ageing, spans: LaterSpans) -> str:
    path = folder / "staleness.html"
    write_staleness_page(ageing, spans, headline(ageing), path)
    return path.read_text()


def test_the_page_says_what_the_command_says(tmp_path: Path) -> None:
    spans = spans_of(9, a_week=0.01, notes=(f"version 2 cannot be read: {EVIL}",))
    ageing = ageing_of("churn", "auc", spans)
    page = written(tmp_path, ageing, spans)
    assert_harmless(page)
    assert headline(ageing) in page
    assert "version 2 cannot be read: &lt;script&gt;" in page
    assert len(table(page, "ages")) == len(ageing.curve)
    assert len(table(page, "versions")) == len(ageing.values)
    assert "version 9" in section(page, "span")


@needs_chromium
@pytest.mark.parametrize(("options", "card"), [((), CARD_FILL.light), ((DARK_SCREEN,), CARD_FILL.dark)], ids=["light", "dark"])
def test_a_browser_shows_the_page_whole_on_a_phone_and_on_a_dark_screen(tmp_path: Path, options: tuple[str, ...], card: str) -> None:
    spans = spans_of(9, a_week=0.01)
    page = written(tmp_path, ageing_of("churn", "auc", spans), spans)
    found = measured(page, tmp_path, *options)
    assert (found["title"], found["overflow"], found["sticking"], found["last"]) == ("How fast churn ages", 0, 0, "Versions")
    assert (found["card"], found["scripted"]) == (rgb(card), False)
    assert len(found["charts"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_cannot_be_told_is_final_only_where_all_that_there_is_was_read(is_whole: bool) -> None:
    with pytest.raises(UntoldError, match="cannot be told by auc") as refusal:
        ageing_of("churn", "auc", LaterSpans({}, (), 0, (), is_whole))
    assert refusal.value.is_final is is_whole
