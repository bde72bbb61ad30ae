"""The page of a model's trends: alarms first, then metrics, slices, volume and inputs by day on one axis of time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from components.evaluation.metric import Metric
from components.monitoring.alarms import Alarm, AlarmCause, AlarmKind, AlarmStanding, AlarmState, AlarmSubject
from components.monitoring.record import DayState, FeatureDay, LiveDay, Operation, ServedDay
from components.policy.facts import Cause
from components.report.palette import CARD_FILL
from components.trends.page import LiveFacts, render_live
from tests.components.html_page import assert_harmless, parse, section, table, words
from tests.components.recorded import deployed
from tests.components.report.browser import DARK_SCREEN, measured, needs_chromium, rgb
from tests.components.trends.test_estimates import drawn, with_slices

FIRST = date(2013, 3, 1)
EVIL = "<script>alert(1)</script>\u202e"


def served(number: int, **changes: object) -> LiveDay:
    value = 0.7 - 0.02 * number
    metrics = (
        Metric("auc", {}, value, value - 0.02, value + 0.02, 800),
        Metric("auc", {"hour": "9"}, value, value - 0.1, value + 0.1, 40),
        Metric("auc", {"carrier": EVIL}, float("nan"), None, None, 3),
        Metric("calibration", {}, 1.0, 0.9, 1.1, 800),
    )
    fields: dict[str, object] = {
        "served": ServedDay(FIRST + timedelta(days=number), 1 + number // 3, "live"),
        "state": DayState.SETTLED if number < 4 else DayState.PROVISIONAL,
        "through": FIRST,
        "rows": 900,
        "labelled": 0 if changes.get("metrics") == () or number > 4 else 800,
        "contradicting": 0,
        "fingerprint": "f",
        "operation": Operation(predictions=900, latency_microseconds=(1000, 2000, 3000 + number), refused_requests=number),
        "scores": (),
        "inputs": (FeatureDay(name="hour", nulls=0.0, distance=0.1 * number), FeatureDay(name=EVIL, nulls=0.0, distance=0.0)),
        "metrics": metrics if number < 5 else (),
    }
    return LiveDay(**{**fields, **changes})  # type: ignore[arg-type]


def alarm(state: AlarmState) -> Alarm:
    cause = AlarmCause(kind=Cause.COVERAGE, slice={}, sentence=f"never trained on hour 12-23 {EVIL}")
    standing = AlarmStanding(state=state, day=FIRST, loss=0.2, rows=500, sentence="auc of hour 12-23 is 0.52", cause=cause)
    fields: dict[str, object] = {"model": "delays", "version": 1, "target": "local", "role": "live", "subject": "hour", "slice": {}}
    return Alarm(alarm_id=7, subject=AlarmSubject(kind=AlarmKind.COVERAGE, since=FIRST, **fields), seq=1, standing=standing)  # type: ignore[arg-type]


EVENT = deployed("delays", "local", by="ada", because=EVIL, at=datetime(2013, 3, 1, 6, tzinfo=UTC))


def render(**changes: object) -> str:
    fields: dict[str, object] = {"model": "delays", "target": "local", "days": [served(number) for number in range(6)]}
    fields["label_delay_days"] = 1
    return render_live(LiveFacts(**{**fields, "alarms": [alarm(AlarmState.OPEN)], "events": [EVENT], **changes}))  # type: ignore[arg-type]


def test_the_alarm_is_the_first_thing_that_is_said() -> None:
    page = render()
    assert_harmless(page)
    headline = parse(page).find(".//section[@aria-label='Alarms']//h2")
    assert headline is not None
    assert words(headline).startswith("auc of hour 12-23 is 0.52 (500 rows since 2013-03-01): never trained on hour 12-23")
    assert "What helps: train on data that have such rows" in page
    assert page.count("what helps: train on data") == 1, "it is said in the table of alarms, too"
    number, _, *standing = table(page, "alarms")[0]
    assert [number, *standing] == ["7", "open", "2013-03-01", "1"]
    assert table(page, "deployments")[0][:3] == ["1 March 2013, 06:00 UTC", "deploy 1", "ada"]


def test_charts_say_in_words_what_they_show() -> None:
    labels = [element.get("aria-label") for element in parse(render()).iter("div") if element.get("role") == "img"]
    assert labels == [
        "auc of all rows by day, from 0.700 on 2013-03-01 to 0.620 on 2013-03-05",
        "calibration of all rows by day, from 1.000 on 2013-03-01 to 1.000 on 2013-03-05",
        "auc of hour 9 by day, from 0.700 on 2013-03-01 to 0.620 on 2013-03-05",
        "predictions by day, 900 on the last one",
        "latency by day, 3.0 ms at last",
        "refused requests by day, 5 on the last one",
        "drift of hour by day, 0.500 bits at last",
        "drift of <script>alert(1)</script>\\u202e by day, 0.000 bits at last",
    ]


def test_quantiles_are_held_against_what_they_should_be() -> None:
    covered = tuple(Metric(f"coverage_of_{one}", {}, one - 0.02, one - 0.05, one + 0.01, 800) for one in (0.9, 0.5))
    page = render(days=[served(number, metrics=(*served(0).metrics, *covered)) for number in range(3)])
    (quantiles,) = parse(page).findall(".//section[@aria-labelledby='quantiles']")
    assert [words(title) for title in quantiles.iter("figcaption")] == ["labels up to the quantile 0.5", "labels up to the quantile 0.9"]
    charts = [element.get("aria-label") for element in quantiles.iter("div") if element.get("role") == "img"]
    assert charts[1] == "coverage_of_0.9 of all rows by day, from 0.880 on 2013-03-01 to 0.880 on 2013-03-03"
    assert "stroke-dasharray" in page.partition('id="quantiles"')[2].partition("</section>")[0]
    assert 'id="quantiles"' not in render()


def test_days_are_listed_newest_first_with_their_state() -> None:
    rows = table(render(), "days")
    assert [row[0] for row in rows] == [str(FIRST + timedelta(days=number)) for number in reversed(range(6))]
    assert rows[0][1:] == ["2", "live", "provisional", "900", "0", "5", "0", "3.0", "–", "–"]
    assert rows[-1][1:] == ["1", "live", "settled", "900", "800", "0", "0", "3.0", "auc", "0.7000 0.6800 to 0.7200"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_page_of_few_days_without_labels_is_whole(count: int) -> None:
    page = render(days=[served(number, metrics=(), inputs=()) for number in range(count)], alarms=[alarm(AlarmState.CLOSED)], events=[])
    assert_harmless(page)
    assert section(page, "metrics") == "Metrics by day no label is known yet"
    labelled = render(days=[served(0, metrics=(), labelled=1)])
    assert section(labelled, "metrics") == "Metrics by day no metric is defined: too few rows are labelled, or all labels are alike"
    assert "No alarm is open" in page
    assert table(page, "alarms")[0][2] == "closed"


@needs_chromium
@pytest.mark.parametrize(("options", "card"), [((), CARD_FILL.light), ((DARK_SCREEN,), CARD_FILL.dark)], ids=["light", "dark"])
def test_a_browser_shows_the_page_whole_on_a_phone_and_on_a_dark_screen(tmp_path: Path, options: tuple[str, ...], card: str) -> None:
    found = measured(render(), tmp_path, *options)
    assert (found["title"], found["overflow"], found["sticking"], found["last"]) == ("delays on local", 0, 0, "Days")
    assert (found["card"], found["scripted"]) == (rgb(card), False)
    assert len(found["charts"]) == 8  # type: ignore[arg-type]


def test_a_day_without_labels_shows_what_is_estimated_of_it_and_of_its_slices() -> None:
    rng = np.random.default_rng(1)
    days = [with_slices(number, drawn(rng, number, spread=0.15), drawn(rng, number, spread=0.1)) for number in range(20)]
    days = [
        replace(day, metrics=tuple(replace(one, ci_low=one.value - 0.01, ci_high=one.value + 0.01) for one in day.metrics)) for day in days
    ]
    last = replace(days[-1], state=DayState.PROVISIONAL, labelled=0, metrics=())
    page = render(days=[*days[:-1], last])
    newest, before = table(page, "days")[:2]
    assert (newest[-2], before[-2]) == ("auc, estimated", "auc")
    labels = [element.get("aria-label") or "" for element in parse(page).iter("div") if element.get("role") == "img"]
    drawn_to = [label.split(",")[0] for label in labels if label.startswith("auc") and label.endswith(str(last.served.day))]
    assert drawn_to == ["auc of all rows by day", "auc of hour 18 by day", "auc of hour 9 by day"]
