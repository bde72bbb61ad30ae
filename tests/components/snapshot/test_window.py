"""Which spans a run trains on: a fixed grid, known labels, whole history or what there is of it."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from components.errors import SourceError
from components.model.folder import Model, read_model
from components.snapshot.window import Window, resolve_window, span_history_start, span_label_end
from tests.components.visits import write_model

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


def days(number: int) -> timedelta:
    return timedelta(days=number)


@pytest.fixture
def weekly(tmp_path: Path) -> Model:
    """Four weekly spans, ten days of history, labels known after three."""
    changes = {"spans = 2": "spans = 4", "every_days = 1": "every_days = 7", "history_days = 2": "history_days = 10"}
    write_model(tmp_path, toml=changes | {"label_delay_days = 1": "label_delay_days = 3"})
    return read_model(tmp_path, "visits")


@pytest.fixture
def resolve(weekly: Model) -> Callable[[date], Window]:
    return lambda through: resolve_window(weekly, through, first=FIRST, last=LAST)


def refused(model: Model, through: date, *, first: date = FIRST, last: date = LAST) -> str:
    with pytest.raises(SourceError) as error:
        resolve_window(model, through, first=first, last=last)
    return str(error.value)


def test_spans_are_as_many_and_as_far_apart_as_the_model_says(resolve: Callable[[date], Window]) -> None:
    spans = resolve(date(2026, 6, 15)).spans
    assert len(spans) == 4
    assert [later - earlier for earlier, later in pairwise(spans)] == [days(7)] * 3


def test_the_newest_span_is_the_last_whose_labels_are_known(resolve: Callable[[date], Window]) -> None:
    for offset in range(14):
        through = date(2026, 6, 15) + days(offset)
        newest = resolve(through).spans[-1]
        assert newest + days(3) <= through < newest + days(7 + 3)


def test_a_week_has_one_window_and_the_next_week_shares_all_spans_but_one(resolve: Callable[[date], Window]) -> None:
    windows = [resolve(date(2026, 6, 15) + days(offset)) for offset in range(14)]
    distinct = list(dict.fromkeys(windows))
    assert len(distinct) == 3
    for earlier, later in pairwise(distinct):
        assert later.spans[:-1] == earlier.spans[1:]


def test_the_grid_does_not_move_with_the_table(weekly: Model) -> None:
    windows = {resolve_window(weekly, date(2026, 6, 15), first=FIRST + days(n), last=LAST - days(n)) for n in range(30)}
    assert len(windows) == 1


def test_a_window_needs_the_history_of_its_first_span_and_the_labels_of_its_last(resolve: Callable[[date], Window], weekly: Model) -> None:
    window = resolve(date(2026, 6, 15))
    assert window.first_partition == window.spans[0] - days(9) == span_history_start(weekly, window.spans[0])
    assert window.last_partition == window.spans[-1] + days(3) == span_label_end(weekly, window.spans[-1])


def test_every_day_from_first_to_last_partition_is_needed(resolve: Callable[[date], Window]) -> None:
    window = resolve(date(2026, 6, 15))
    assert len(window.days) == 9 + 21 + 3 + 1
    assert (window.days[0], window.days[-1]) == (window.first_partition, window.last_partition)
    assert list(window.days) == sorted(set(window.days))


def test_history_ends_at_the_tables_first_partition(weekly: Model) -> None:
    oldest = resolve_window(weekly, date(2026, 6, 15), first=FIRST, last=LAST).spans[0]
    for age in range(1, 12):
        window = resolve_window(weekly, date(2026, 6, 15), first=oldest - days(age), last=LAST)
        assert window.first_partition == oldest - days(min(age, 9))


def test_the_oldest_span_must_come_after_the_first_partition(weekly: Model) -> None:
    oldest = resolve_window(weekly, date(2026, 6, 15), first=FIRST, last=LAST).spans[0]
    assert "leaves an empty window" in refused(weekly, date(2026, 6, 15), first=oldest)


@pytest.mark.parametrize("first", [FIRST + days(n) for n in range(7)])
def test_the_date_that_a_refusal_names_is_the_earliest_that_works(weekly: Model, first: date) -> None:
    sentence = refused(weekly, first + days(5), first=first)
    earliest = date.fromisoformat(sentence.partition("choose --through ")[2].removesuffix(" or later"))
    assert resolve_window(weekly, earliest, first=first, last=LAST).spans[0] > first
    refused(weekly, earliest - days(1), first=first)


def test_an_empty_window_says_what_is_needed(weekly: Model) -> None:
    assert refused(weekly, date(2026, 1, 10)) == (
        "--through 2026-01-10 leaves an empty window: visits needs 4 spans of 7 days with known labels after 2026-01-01, the first "
        "partition of site.visits; choose --through 2026-01-28 or later"
    )


def test_a_table_that_is_too_short_is_not_answered_with_a_date(weekly: Model) -> None:
    sentence = refused(weekly, date(2026, 1, 10), last=date(2026, 1, 27))
    assert sentence.endswith("the first partition of site.visits; load more of them, or narrow [window] in model.toml")


@pytest.mark.parametrize("through", [FIRST - days(1), LAST + days(1), date.min, date.max])
def test_a_date_outside_the_table_names_the_partitions(weekly: Model, through: date) -> None:
    assert refused(weekly, through) == (
        f"--through {through} is outside site.visits, which has partitions 2026-01-01 to 2026-12-31: choose a date between them"
    )


def test_the_last_partition_itself_may_be_used(resolve: Callable[[date], Window]) -> None:
    assert resolve(LAST).last_partition <= LAST


def test_daily_spans_slide_by_a_day(tmp_path: Path) -> None:
    write_model(tmp_path)
    daily = read_model(tmp_path, "visits")
    one, two = (resolve_window(daily, date(2026, 6, day), first=FIRST, last=LAST) for day in (15, 16))
    assert one.spans == (date(2026, 6, 13), date(2026, 6, 14))
    assert two.spans == (date(2026, 6, 14), date(2026, 6, 15))


def test_labels_that_are_known_at_once_need_no_later_partition(tmp_path: Path) -> None:
    write_model(tmp_path, toml={"label_delay_days = 1": "label_delay_days = 0"})
    window = resolve_window(read_model(tmp_path, "visits"), date(2026, 6, 15), first=FIRST, last=LAST)
    assert window.spans[-1] == window.last_partition == date(2026, 6, 15)
