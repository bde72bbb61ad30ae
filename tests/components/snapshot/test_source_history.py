"""Where a table's history begins and ends: single wrong dates change neither, real rests and short histories count."""

from datetime import date, timedelta

import pytest
from google.cloud import bigquery

from components.errors import SourceError
from components.snapshot.describe import describe_snapshot
from components.snapshot.pin import latest_partition
from components.snapshot.source import History, count_undated, read_history, read_source_table
from tests.components.visits import DAYS, Site, day, visits

TODAY = date(2026, 6, 30)
MONTH = [date(2026, 6, number) for number in range(1, 31)]
YEAR_BEFORE = [date(2025, 6, number) for number in range(1, 31)]
FAR = [date(9999, 12, 31)]
BY_DAY = bigquery.TimePartitioning(field="day")


def every(days: int, count: int) -> list[date]:
    return [TODAY - timedelta(days=days * number) for number in reversed(range(count))]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (MONTH, History(MONTH[0], TODAY, TODAY)),
        ([*MONTH, *FAR], History(MONTH[0], TODAY, TODAY, future=tuple(FAR))),
        ([*MONTH, date(2026, 7, 1)], History(MONTH[0], TODAY, TODAY, future=(date(2026, 7, 1),))),
        ([*YEAR_BEFORE, TODAY], History(YEAR_BEFORE[0], YEAR_BEFORE[-1], TODAY, stray=(TODAY,))),
        ([date(1, 1, 1), date(1970, 1, 1), *MONTH], History(MONTH[0], TODAY, TODAY, stray=(date(1, 1, 1), date(1970, 1, 1)))),
        (
            [date(999, 1, 1), *YEAR_BEFORE, date(2026, 6, 2), *FAR],
            History(YEAR_BEFORE[0], YEAR_BEFORE[-1], date(2026, 6, 2), stray=(date(999, 1, 1), date(2026, 6, 2)), future=tuple(FAR)),
        ),
        # A rest of the data, after which they have gone on for a week: history.
        ([*YEAR_BEFORE, *MONTH[-7:]], History(YEAR_BEFORE[0], TODAY, TODAY)),
        # The first day after a rest like the one before.
        (
            [*[one - timedelta(days=730) for one in MONTH], *[one - timedelta(days=365) for one in MONTH], MONTH[0]],
            History(MONTH[0] - timedelta(days=730), MONTH[0], MONTH[0]),
        ),
        # Some days were not loaded: nothing strange, and the gate names them.
        ([*MONTH[:10], MONTH[-1]], History(MONTH[0], TODAY, TODAY)),
        (every(7, 20), History(every(7, 20)[0], TODAY, TODAY)),
        (every(30, 20), History(every(30, 20)[0], TODAY, TODAY)),
        # Too short to tell what is strange.
        ([TODAY], History(TODAY, TODAY, TODAY)),
        ([date(1970, 1, 1), TODAY], History(date(1970, 1, 1), TODAY, TODAY)),
    ],
)
def test_history_leaves_out_what_is_not_plausible(days: list[date], expected: History) -> None:
    assert History.of(days, today=TODAY) == expected


@pytest.fixture
def odd_site(empty_site: Site) -> Site:
    """Eight days of visits, one row each of days that cannot be, and two without a date."""
    empty_site.create(partitioning=BY_DAY)
    odd = ["0001-01-01", "0999-12-31", "1970-01-01", "9999-12-31", None, None]
    rows = [row for number in range(1, 9) for row in visits(number)]
    empty_site.load([*rows, *({**visits(1)[0], "day": one} for one in odd)])
    return empty_site


def test_odd_dates_change_neither_the_last_partition_nor_the_window(odd_site: Site, site: Site) -> None:
    table = read_source_table(odd_site.cloud, odd_site.model())
    history = read_history(odd_site.cloud, table, "day")
    stray = (date(1, 1, 1), date(999, 12, 31), date(1970, 1, 1))
    assert history == History(day(1), day(8), day(8), stray=stray, future=(date(9999, 12, 31),), has_undated=True)
    assert latest_partition(odd_site.cloud, odd_site.model()) == day(8)
    assert count_undated(odd_site.cloud, table, "day") == 2
    odd, _ = describe_snapshot(odd_site.cloud, odd_site.model(), day(DAYS))
    plain, _ = describe_snapshot(site.cloud, site.model(), day(DAYS))
    assert (odd.spans, odd.partitions) == (plain.spans, plain.partitions)


@pytest.mark.parametrize("through", [date(9999, 12, 31), date(1, 1, 1)])
def test_a_window_cannot_be_asked_to_end_on_an_odd_date(odd_site: Site, through: date) -> None:
    with pytest.raises(SourceError) as error:
        describe_snapshot(odd_site.cloud, odd_site.model(), through)
    assert str(error.value) == (
        f"--through {through} is outside {odd_site.table}, which has partitions {day(1)} to {day(8)}: choose a date between them"
    )


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ([None], "has rows, but none has a date in its partition field: fill it where the data are prepared"),
        (["9999-12-31"], "has only partitions after today, 9999-12-31 to 9999-12-31: correct the dates where the data are made"),
    ],
)
def test_a_table_without_any_real_date_says_so(empty_site: Site, days: list[str | None], sentence: str) -> None:
    empty_site.create(partitioning=BY_DAY)
    empty_site.load([{**visits(1)[0], "day": one} for one in days])
    with pytest.raises(SourceError) as error:
        latest_partition(empty_site.cloud, empty_site.model())
    assert str(error.value) == f"table {empty_site.name} {sentence}"


def test_a_table_whose_rows_all_are_in_the_streaming_buffer_says_so(empty_site: Site) -> None:
    empty_site.create(partitioning=BY_DAY)
    assert empty_site.cloud.warehouse.insert_rows_json(empty_site.name, [visits(1)[0]]) == []
    with pytest.raises(SourceError) as error:
        latest_partition(empty_site.cloud, empty_site.model())
    assert (
        str(error.value) == f"all rows of table {empty_site.name} are in BigQuery's streaming buffer still: try again in an hour and a half"
    )
