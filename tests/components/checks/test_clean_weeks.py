"""The gate over all weekly runs that CDNOW allows, on the real data: it never cries wolf.

Buyers stop buying, months have Sundays, and in the first weeks every customer is new: real drift, and no fault of the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import pytest

from components.checks.coverage import check_partitions
from components.checks.findings import Finding, ranked
from components.checks.rows import check_rows, known_days
from components.checks.source import check_source
from components.cloud import Cloud
from components.examples.rows import stream_rows
from components.examples.span_profile import SpanProfiler
from components.model.folder import Model, read_model
from components.profiles.profile import SOURCE_TABLE, ColumnProfiles, ProfileKey, profiles_by_day
from components.profiles.source import profile_source
from components.settings import REPOSITORY, Settings
from components.snapshot.document import Snapshot
from components.snapshot.pin import pin
from components.snapshot.window import span_history_start, span_label_end
from pipelines.local.seed import seed

LAST = date(1998, 6, 30)
ALL_SPANS = 73
"""Weekly spans of CDNOW, from 12 January 1997 to 31 May 1998."""
Columns = Mapping[ProfileKey, ColumnProfiles]
SOME_OR_ALL = pytest.mark.parametrize("apart", [4, pytest.param(1, marks=pytest.mark.story)], ids=["some", "all"])
"""Which of the runs are walked: one in so many. All of them take two minutes."""


@dataclass(frozen=True)
class Week:
    """What one weekly run is given."""

    snapshot: Snapshot
    source: Columns
    rows: Columns


@dataclass(frozen=True)
class Period:
    """All weekly runs, the first possible one first."""

    model: Model
    weeks: tuple[Week, ...]

    def findings(self, place: int, weeks_before: int | None) -> tuple[Finding, ...]:
        """What the gate finds in a run, with the run so many weeks before as the champion, or with none."""
        week, champion = self.weeks[place], None if weeks_before is None else self.weeks[place - weeks_before]
        source, rows = (champion.source, champion.rows) if champion else ({}, {})
        known = known_days(week.source, source)
        days = profiles_by_day(week.source, SOURCE_TABLE)
        return ranked(
            [
                *check_partitions(self.model, week.snapshot, days, champion.snapshot if champion else None, known),
                *check_source(self.model, days, profiles_by_day(source, SOURCE_TABLE), known),
                *check_rows(self.model, week.snapshot, week.rows, rows),
            ]
        )


@pytest.fixture(scope="module")
def period(cloud: Settings, tmp_path_factory: pytest.TempPathFactory) -> Period:
    """CDNOW, read once: each week is a part of it."""
    settings = cloud.model_copy(update={"state_folder": tmp_path_factory.mktemp("weeks")})
    model = read_model(REPOSITORY / "pipelines" / "models", "churn")
    services = Cloud(settings)
    seed(services.warehouse, settings, model, through=None, progress=lambda done, of: None)
    widest = model.model_copy(update={"window": model.window.model_copy(update={"spans": ALL_SPANS})})
    whole = pin(services, widest, LAST)
    source = profile_source(services, whole, {})
    rows: dict[ProfileKey, Any] = {}
    for span, batches in groupby(stream_rows(services, widest, whole, whole.spans), key=itemgetter(0)):
        profiler = SpanProfiler(model, span, str(span))
        for _, batch in batches:
            profiler.batch(batch)
        rows |= profiler.profiles
    spans = model.window.spans
    return Period(
        model, tuple(_week(model, whole, whole.spans[place : place + spans], source, rows) for place in range(ALL_SPANS - spans + 1))
    )


def _week(model: Model, whole: Snapshot, spans: tuple[date, ...], source: Columns, rows: Columns) -> Week:
    first, last = span_history_start(model, spans[0]), span_label_end(model, spans[-1])
    partitions = tuple(partition for partition in whole.partitions if first <= partition.day <= last)
    days = {partition.day for partition in partitions}
    return Week(
        replace(whole, spans=spans, partitions=partitions),
        {part: table for part, table in source.items() if part.day in days},
        {part: table for part, table in rows.items() if part.day in spans},
    )


def told(period: Period, weeks_before: int | None, places: range) -> dict[str, list[str]]:
    found = {str(period.weeks[place].snapshot.spans[-1]): period.findings(place, weeks_before) for place in places}
    return {day: [finding.sentence for finding in findings] for day, findings in found.items() if findings}


@pytest.mark.slow
def test_the_period_is_all_of_cdnow(period: Period) -> None:
    assert len(period.weeks) == ALL_SPANS - period.model.window.spans + 1
    assert period.weeks[0].snapshot.spans[0] - timedelta(days=7) < period.weeks[0].snapshot.partitions[0].day + timedelta(days=7)
    assert period.weeks[-1].snapshot.partitions[-1].day == LAST


@pytest.mark.slow
@SOME_OR_ALL
def test_every_weekly_run_after_the_last_one_finds_nothing(period: Period, apart: int) -> None:
    assert told(period, 1, range(1, len(period.weeks), apart)) == {}


@pytest.mark.slow
@SOME_OR_ALL
def test_a_first_run_finds_nothing_whenever_it_is(period: Period, apart: int) -> None:
    assert told(period, None, range(0, len(period.weeks), 6 * apart)) == {}
    assert told(period, None, range(len(period.weeks) - 1, len(period.weeks))) == {}


@pytest.mark.slow
@SOME_OR_ALL
@pytest.mark.parametrize("weeks_before", [4, 13])
def test_an_old_champion_blocks_no_run(period: Period, weeks_before: int, apart: int) -> None:
    for place in range(weeks_before, len(period.weeks), 3 * apart):
        blocking = [finding.sentence for finding in period.findings(place, weeks_before) if finding.blocks]
        assert blocking == [], period.weeks[place].snapshot.spans[-1]
