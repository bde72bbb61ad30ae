"""Features by span: those that only some spans have, and spans that have not changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.checks.rows import known_days
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles, ProfileKey, label_population
from tests.components.checks.corruptions import BAD_SPAN, SPANS, row_findings, shop_model, spans_of


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return shop_model(tmp_path)


def test_a_feature_of_only_some_spans_is_looked_at_where_it_is(model: Model) -> None:
    spans = spans_of()
    spans[BAD_SPAN] = {name: values for name, values in spans[BAD_SPAN].items() if name != "visits"}
    assert row_findings(model, spans) == ()


def test_days_with_the_same_content_are_known() -> None:
    one, other = ProfileKey(label_population(0), SPANS[0], "a"), ProfileKey(label_population(1), SPANS[0], "a")
    changed, same = replace(other, fingerprint="b"), ProfileKey(label_population(0), SPANS[1], "c")
    past: dict[ProfileKey, ColumnProfiles] = {one: {}, other: {}, same: {}}
    assert known_days({one: {}, other: {}, same: {}}, past) == {SPANS[0], SPANS[1]}
    assert known_days({one: {}, changed: {}, same: {}}, past) == {SPANS[1]}


def test_a_feature_that_never_varies_is_told_in_a_first_run(model: Model) -> None:
    spans = {day: {**table, "visits": [3.0] * len(next(iter(table.values())))} for day, table in spans_of().items()}
    (finding,) = row_findings(model, spans)
    assert (finding.column, finding.check, finding.severity) == ("visits", "constant", "warns")
    assert finding.what.startswith("has the same value in all ")


def test_the_weather_of_five_days_in_a_week_is_another_each_week(model: Model) -> None:
    spans = {day: {**table, "weather": weather_of_days(number)} for number, (day, table) in enumerate(spans_of().items())}
    assert row_findings(model, spans) == ()
    spans = {day: {**table, "weather": weather_of_days(1 if day < BAD_SPAN else 2)} for day, table in spans_of().items()}
    (finding,) = row_findings(model, spans)
    assert (finding.column, finding.check, finding.severity) == ("weather", "drift", "blocks")


def weather_of_days(week: int) -> list[float]:
    """A temperature for each of the five days on which 1,500 rows are."""
    days = np.random.default_rng(week).normal(12, 4, 5).round(1)
    return [float(days[row % 5]) for row in range(1500)]


def test_a_constant_stands_still_however_many_rows_spans_have(model: Model) -> None:
    sizes = (1500, 1400, 1450, 1380, 1500, 1500, 1420, 1500)
    spans = {
        day: {name: values[:size] for name, values in (table | {"firmware": ["1.9.2"] * 1500}).items()}
        for size, (day, table) in zip(sizes, spans_of().items(), strict=True)
    }
    assert [finding.sentence for finding in row_findings(model, spans) if finding.blocks] == []


def test_the_same_weekday_in_all_rows_of_two_months_is_no_copy(model: Model) -> None:
    weekdays = (6, 4, 7, 2, 5, 7, 3, 3)
    spans = {day: table | {"weekday": [number] * 1500} for number, (day, table) in zip(weekdays, spans_of().items(), strict=True)}
    assert [finding.sentence for finding in row_findings(model, spans) if finding.column == "weekday" and finding.blocks] == []
