"""Each look at a column in a partition: what it sees, what it leaves to chance, and what it is used to."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from components.calendar.clock import hours_listed, lost_hours, moved_clock
from components.looks.categories import lost_segment, lost_value, new_values, shares_by_value
from components.looks.data_check import Severity
from components.looks.dead import frozen, nulls, same_value, standing
from components.looks.deviation import listed, quoted
from components.looks.drift import shifted
from components.looks.earlier_days import Look, Observation
from components.looks.parts import cut_short, lost_sign, lost_zeros, more_below, more_zeros
from components.looks.unit import other_measure
from components.looks.values import damaged, far_out, out_of_range, stretched, text, unfinite
from components.model.checks_section import ChecksSection
from tests.components.checks.observations import CHECKS, DAY, numbers, observe, profile, times

LOOKS: tuple[Look, ...] = (
    text,
    unfinite,
    damaged,
    stretched,
    out_of_range,
    far_out,
    nulls,
    same_value,
    frozen,
    standing,
    new_values,
    lost_segment,
    lost_value,
    moved_clock,
    lost_hours,
    shifted,
    lost_zeros,
    cut_short,
    lost_sign,
    more_below,
    more_zeros,
    other_measure,
)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
def test_without_a_past_nothing_is_said(look: Look) -> None:
    for values in ([1.0] * 50, ["x"] * 50, [None] * 50, [float("nan")] * 50, times({3: 50}), []):
        assert look(Observation(DAY, profile(values, pa.float64() if values == [] else None)), CHECKS) is None


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
def test_of_what_is_as_it_was_nothing_is_said(look: Look) -> None:
    for seed in range(5):
        assert look(observe(numbers(seed), *(numbers(seed + 10 * n) for n in range(1, 6))), CHECKS) is None
        labels = [np.random.default_rng(seed + n).choice(["a", "b", "c"], 400).tolist() for n in range(6)]
        assert look(observe(labels[0], *labels[1:]), CHECKS) is None


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
def test_an_empty_partition_breaks_no_look(look: Look) -> None:
    for kind, values in ((pa.float64(), numbers(1)), (pa.string(), ["a", "b"] * 100), (pa.timestamp("us", "UTC"), times({3: 50}))):
        assert look(observe([], values, kind=kind), CHECKS) is None
        look(observe([None] * 50, values, kind=kind), CHECKS)
        look(observe(values, [], kind=kind), CHECKS)
        look(observe(values, [None] * 50, kind=kind), CHECKS)


# Values of another kind


def test_a_share_of_text_may_be_allowed() -> None:
    some = observe(["n/a", *map(str, numbers(1, 99))], list(map(str, numbers(2, 100))))
    assert text(some, CHECKS) is not None
    assert text(some, ChecksSection(text_share=0.01)) is None


def test_text_in_a_column_of_text_is_nothing() -> None:
    assert text(observe(["a", "1"], ["b", "c", "1"]), CHECKS) is None


def test_text_that_was_there_before_is_not_what_is_shown() -> None:
    measure = text(observe(["n/a"] * 5 + ["oops"] + ["1"] * 94, ["n/a"] * 2 + ["1"] * 98), CHECKS)
    assert measure is not None
    assert '(most often "oops")' in measure.what


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1,5", ", a decimal comma"),
        ("1.234,50", ", a decimal comma"),
        ("2026-01-05", ", a date"),
        ("05.01.2026", ", a date"),
        ("  ", ", nothing at all"),
        ("x", ""),
    ],
)
def test_the_kind_of_text_is_told(value: str, kind: str) -> None:
    measure = text(observe([value] * 3 + ["1"], ["1", "2"]), CHECKS)
    assert measure is not None
    assert measure.what == f'is text in 3 of 4 values (most often "{value}"{kind})'


def test_nan_and_infinity_are_told_apart() -> None:
    nan, infinity = float("nan"), float("inf")
    told = [unfinite(observe([*values, 1.0], [1.0, 2.0]), CHECKS) for values in ([nan], [infinity, -infinity], [nan, infinity])]
    assert [measure and measure.what for measure in told] == [
        "is NaN in 1 of 2 values",
        "is infinite in 2 of 3 values",
        "is NaN or infinite in 2 of 3 values",
    ]


@pytest.mark.parametrize(
    ("before", "now", "is_found"),
    [
        (numbers(1), [*numbers(2), *[-5.0] * 20], True),
        (numbers(1), [*numbers(2), *[0.0] * 20], True),
        (numbers(1), [*numbers(2), *[1e6] * 20], True),
        (numbers(1), [*numbers(2), *[1e6] * 4], False),
        ([0.0, *numbers(1)], [*numbers(2), *[0.0] * 20], False),
        ([-value for value in numbers(1)], [*(-value for value in numbers(2)), *[5.0] * 20], True),
        ([*numbers(1), *(-value for value in numbers(1))], [*numbers(2), *[-40.0] * 20], False),
    ],
)
def test_numbers_out_of_all_range(before: list[float], now: list[float], is_found: bool) -> None:
    assert (out_of_range(observe(now, before), CHECKS) is not None) == is_found


def test_what_counts_up_to_a_span_may_become_zero_and_nothing_less() -> None:
    before = [float(1 + number % 9) for number in range(400)]
    assert far_out(observe([*before, *[0.0] * 20], before), CHECKS) is None
    assert far_out(observe([*before, *[-1.0] * 20], before), CHECKS) is not None


# Columns that died


def test_nulls_are_held_against_what_was_null_before() -> None:
    half = [None, 1.0] * 100
    assert nulls(observe([None] * 105 + [1.0] * 95, half), CHECKS) is None
    measure = nulls(observe([None] * 160 + [1.0] * 40, half), CHECKS)
    assert measure is not None
    assert (measure.what, measure.before) == ("is NULL in 160 of 200 rows", "NULL in 50.0% of rows")


def test_a_few_rows_may_be_alike_by_chance() -> None:
    mostly = ["a"] * 190 + ["b"] * 10
    assert same_value(observe(["a"] * 100, mostly), CHECKS) is None
    assert same_value(observe(["a"] * 600, mostly), CHECKS) is not None
    assert same_value(observe(["b"] * 30, mostly), CHECKS) is not None
    assert same_value(observe(["b"] * 19, mostly), CHECKS) is None


def test_a_constant_of_numbers_in_text_is_named() -> None:
    measure = same_value(observe(["0"] * 50, list(map(str, range(50)))), CHECKS)
    assert measure is not None
    assert measure.what == "is zero in all 50 values"


def test_what_stood_still_before_may_stand_still() -> None:
    moving = [numbers(seed) for seed in range(5)]
    assert frozen(observe(moving[4], *moving), CHECKS) is not None
    assert frozen(observe(moving[4], moving[0], moving[0], moving[3], moving[4]), CHECKS) is None
    assert frozen(observe(moving[1], moving[0], moving[1]), CHECKS) is None
    few = [["a", "b"] * 20 for _ in range(5)]
    assert frozen(observe(few[0], *few), CHECKS) is None


def test_a_feature_of_the_same_entities_may_move_little() -> None:
    counts = [[float(place // 100) for place in range(400 - shift)] + [9.0] * shift for shift in (0, 40, 80, 120, 120)]
    assert standing(observe(counts[4], *counts[:4]), CHECKS) is not None
    slow = [[float(place // 100) for place in range(400 - shift)] + [9.0] * shift for shift in (0, 1, 2, 3, 3)]
    assert standing(observe(slow[4], *slow[:4]), CHECKS) is None


# Categories


def test_a_few_new_values_may_come() -> None:
    before = ["a", "b"] * 200
    assert new_values(observe(["a"] * 95 + ["new"] * 5, before), CHECKS) is None
    assert new_values(observe(["a"] * 94 + ["new"] * 6, before), CHECKS) is not None
    assert new_values(observe(["a"] * 6 + ["new"] * 4, before), CHECKS) is None
    assert new_values(observe(["a"] * 90 + ["new"] * 10, ["a"] * 100), CHECKS) is None, "little is known of before"


def test_texts_of_any_kind_are_always_new() -> None:
    assert new_values(observe([f"b{n}" for n in range(300)], [f"a{n}" for n in range(300)]), CHECKS) is None


def test_the_end_of_a_segment_blocks_and_of_a_category_if_it_lasts() -> None:
    gone = observe(["a"] * 400, *[["a"] * 300 + ["b"] * 90 + ["c"] * 10] * 7)
    segment, value = lost_segment(gone, CHECKS), lost_value(gone, CHECKS)
    assert segment is not None
    assert value is not None
    assert (segment.what, segment.lasting, value.lasting) == ('has no row of "b"', 1, 3)
    assert value.chance < 1e-30
    assert lost_segment(observe(["a"] * 80, ["a"] * 300 + ["b"] * 100), CHECKS) is not None
    assert lost_segment(observe(["a"] * 79, ["a"] * 300 + ["b"] * 100), CHECKS) is None, "too few to expect 20"


def test_the_end_of_what_was_not_always_there_is_nothing() -> None:
    both = ["a"] * 300 + ["b"] * 100
    assert lost_value(observe(["a"] * 400, *[both] * 6), CHECKS) is None, "too little is known"
    assert lost_value(observe(["a"] * 400, *[both] * 7, ["a"] * 400), CHECKS) is None


def test_a_segment_of_whole_numbers_is_one_too() -> None:
    measure = lost_segment(observe([1, 2] * 100, [1, 2, 17] * 100), CHECKS)
    assert measure is not None
    assert measure.what == 'has no row of "17"'
    assert shares_by_value(profile([1, 2, 2, None])) == {"1": 1 / 3, "2": 2 / 3}
    assert shares_by_value(profile(numbers(1))) == {}


# The clock

PATTERN = {hour: 40 + 30 * (hour % 5) for hour in range(8, 22)}


def test_the_same_pattern_at_other_hours_is_another_zone() -> None:
    moved = moved_clock(observe(times({(hour + 2) % 24: rows for hour, rows in PATTERN.items()}), times(PATTERN)), CHECKS)
    assert moved is not None
    assert (moved.what, moved.blocks) == ("runs 2 h late: the same day's pattern at other hours", True)
    other = dict.fromkeys(range(24), 100)
    assert moved_clock(observe(times(other), times(PATTERN)), CHECKS) is None


def test_summer_time_warns() -> None:
    moved = moved_clock(observe(times({hour - 1: rows for hour, rows in PATTERN.items()}), times(PATTERN)), CHECKS)
    assert moved is not None
    assert (moved.what[:13], moved.blocks) == ("runs 1 h earl", False)


def on_weekdays(now: dict[int, int], *before: dict[int, int]) -> Observation:
    """A day, and the same weekday in the weeks before."""
    weeks = tuple(profile(times(hours)) for hours in before)
    return replace(observe(times(now), times(before[0])), same_weekdays=weeks)


def test_hours_that_should_have_rows_are_missed() -> None:
    morning = {hour: rows for hour, rows in PATTERN.items() if hour < 16}
    measure = lost_hours(on_weekdays(morning, *[PATTERN] * 3), CHECKS)
    assert measure is not None
    assert (measure.what, measure.lasting) == ("has no row from 16:00 to 22:00", 3)
    assert measure.chance < 1e-9
    assert lost_hours(on_weekdays(morning, *[PATTERN] * 2), CHECKS) is None, "too few of the same weekday are known"
    assert lost_hours(on_weekdays(morning, *[morning] * 3), CHECKS) is None, "it closes at 16:00 on this weekday"
    few = {hour: 1 for hour in PATTERN if hour < 16}
    assert lost_hours(on_weekdays(few, *[PATTERN] * 3), CHECKS) is None


def test_hours_in_the_middle_of_a_day_are_missed_and_so_are_most_of_their_rows() -> None:
    for left, words in ((0, "has no row from 11:00 to 14:00"), (10, "has only 30 of 1,130 rows from 11:00 to 14:00")):
        gap = {hour: left if 11 <= hour < 14 else rows for hour, rows in PATTERN.items()}
        measure = lost_hours(on_weekdays({h: n for h, n in gap.items() if n}, *[PATTERN] * 4), CHECKS)
        assert measure is not None
        assert (measure.what[: len(words)], measure.lasting) == (words, 1)


def test_hours_that_follow_each_other_are_one_stretch() -> None:
    assert hours_listed([0, 5, 6, 7, 23]) == "from 0:00 to 1:00 and from 5:00 to 8:00 and from 23:00 to 24:00"


# Words


def test_a_value_in_a_sentence_is_short_and_on_one_line() -> None:
    assert quoted("a\nb\x00") == r'"a\nb\x00"'
    assert quoted("x" * 100) == f'"{"x" * 60}… (40 more characters)"'
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c, d and 1 more"
    assert replace(Observation(DAY, profile([1])), near=3).before is None


# Parts of values that are lost


def codes(seed: int, rows: int = 400) -> list[str]:
    return [f"{number:05d}" for number in np.random.default_rng(seed).integers(0, 90, rows) * 731]


def test_zeros_that_codes_begin_with_are_missed() -> None:
    earlier = [codes(seed) for seed in range(8)]
    lost = lost_zeros(observe([code.lstrip("0") for code in codes(9)], *earlier), CHECKS)
    assert lost is not None
    assert lost.what == "has no value any more that begins with a zero"
    assert lost.chance < 1e-9
    assert lost_zeros(observe(codes(9), *earlier), CHECKS) is None
    assert lost_zeros(observe([code.lstrip("0") for code in codes(9)], *earlier[:5]), CHECKS) is None  # too little is known


def test_texts_that_are_cut_are_told_from_a_day_of_short_ones() -> None:
    names = ["Berlin", "Hamburg", "Frankfurt", "Ulm", "Gelsenkirchen"]
    earlier = [np.random.default_rng(seed).choice(names, 300).tolist() for seed in range(8)]
    cut = cut_short(observe([name[:5] for name in earlier[0]], *earlier), CHECKS)
    assert cut is not None
    assert cut.what == "has no value any more that is longer than 5 characters"
    few = cut_short(observe(["Berlin", "Ulm"] * 10, *earlier), CHECKS)
    assert few is None or few.chance > 1e-9
    assert cut_short(observe(earlier[3], *earlier), CHECKS) is None


def test_a_sign_that_is_lost_is_told_from_a_day_without_returns() -> None:
    def sold(seed: int, returned: float, rows: int = 400) -> list[float]:
        chance = np.random.default_rng(seed)
        return [float(x) for x in np.where(chance.random(rows) < returned, -1, 1) * chance.integers(1, 9, rows)]

    earlier = [sold(seed, 0.05) for seed in range(12)]
    lost = lost_sign(observe([abs(x) for x in sold(20, 0.05)], *earlier), CHECKS)
    assert lost is not None
    assert (lost.what, lost.chance < 1e-5) == ("is below zero in none of 400 values", True)
    quiet = lost_sign(observe([abs(x) for x in sold(20, 0.05, 25)], *earlier), CHECKS)
    assert quiet is None or quiet.chance > 0.05
    third = lost_sign(observe([1.0] * 25, *earlier, [1.0] * 25, [1.0] * 25), CHECKS)
    assert third is not None
    assert third.what == "is below zero in none of 25 values, nor in the 2 partitions before"
    assert lost_sign(observe([1.0] * 400, *earlier[:6], *[[1.0] * 400] * 3, *earlier[6:]), CHECKS) is None
    flipped = more_below(observe(sold(20, 0.2), *earlier), CHECKS)
    assert flipped is not None
    assert flipped.what.startswith("is below zero in ")


def test_more_zeros_than_there_were_are_told_and_of_names_of_digits_nothing() -> None:
    earlier = [[0.0] * 4 + numbers(seed, 396) for seed in range(8)]
    zeros = more_zeros(observe([0.0] * 40 + numbers(9, 360), *earlier), CHECKS)
    assert zeros is not None
    assert (zeros.what, zeros.before) == ("is zero in 40 of 400 values", "so in 1.0% of values")
    assert more_zeros(observe([0.0] * 20 + numbers(9, 380), *earlier), CHECKS) is None
    assert more_zeros(observe(["0"] * 200 + ["7"] * 200, *(["7"] * 400 for _ in range(8))), CHECKS) is None


def test_a_day_on_which_all_are_of_a_kind_is_as_likely_as_the_days_before_say() -> None:
    def rain(seed: int) -> list[float]:
        return [0.0] * 300 if seed % 2 else [0.0] * 150 + [float(hour % 9 + 1) for hour in range(150)]

    weeks = [rain(seed) for seed in range(12)]
    assert more_zeros(observe([0.0] * 300, *weeks), CHECKS) is None, "a dry day"
    refunds = [[-1.0 - row % 2 if seed % 3 == 0 else 1.0 + row % 9 for row in range(300)] for seed in range(12)]
    below = more_below(observe(refunds[0], *refunds), CHECKS)
    assert below is not None
    assert below.chance > 0.001, "every third day is all below zero"


def test_whole_numbers_that_are_hours_are_a_clock_and_others_are_not() -> None:
    def hours(seed: int, later: int = 0) -> list[int]:
        chance = np.random.default_rng(seed)
        return [int(hour) for hour in (np.clip(chance.normal(13, 2.5, 500), 6, 22).astype(int) + later) % 24]

    earlier = [hours(seed) for seed in range(8)]
    late = moved_clock(observe(hours(9, 3), *earlier), CHECKS)
    assert late is not None
    assert late.what == "runs 3 h late: the same day's pattern at other hours"
    assert moved_clock(observe(hours(9), *earlier), CHECKS) is None
    beyond = [[*hour, 40] for hour in earlier]
    assert moved_clock(observe(hours(9, 3), *beyond), CHECKS) is None


def test_a_storm_beyond_all_that_were_warns_and_another_unit_blocks() -> None:
    def wind(seed: int, level: float) -> list[float]:
        return [round(float(one), 1) for one in np.random.default_rng(seed).normal(level, 0.4, 100)]

    levels = [5.0, 9.0, 7.0, 3.0, 4.0, 8.0, 11.0, 6.0, 4.0, 10.0, 12.0, 7.0]
    earlier = [wind(seed, level) for seed, level in enumerate(levels)]
    storm, unit = (out_of_range(observe(wind(99, level), *earlier), CHECKS) for level in (22.0, 32.0))
    assert storm is not None
    assert unit is not None
    assert (storm.severity, unit.severity) == (Severity.WARNS, Severity.BLOCKS)
    degrees = [5.0, 8.0, 7.0, 4.0, 5.0, 9.0, 11.0, 8.0, 6.0, 10.0, 12.0, 9.0]
    celsius = [wind(seed, level) for seed, level in enumerate(degrees)]
    fahrenheit = out_of_range(observe([1.8 * one + 32 for one in wind(98, 8.0)], *celsius), CHECKS)
    assert fahrenheit is not None
    assert fahrenheit.severity is Severity.BLOCKS


def test_a_night_of_duty_does_not_empty_its_day() -> None:
    usual, night = dict.fromkeys(range(8, 19), 30), dict.fromkeys(range(19, 24), 18)
    day = dict.fromkeys(range(8, 19), 17) | dict.fromkeys(range(10, 16), 7)
    assert lost_hours(on_weekdays(day | night, *[usual] * 6), CHECKS) is None
    gone = {hour: rows for hour, rows in usual.items() if not 10 <= hour < 16}
    assert lost_hours(on_weekdays(gone | night, *[usual] * 6), CHECKS) is not None


def test_the_first_version_of_a_window_may_have_been_the_only_one() -> None:
    later = [60, 110, *range(130, 190, 5)]
    after = [["8.0"] * (200 - rows) + ["8.1"] * rows for rows in later]
    first = same_value(replace(observe(["8.0"] * 200, *after), is_backward=True), CHECKS)
    assert first is not None
    assert first.severity is Severity.WARNS
    plans = [["basic"] * (200 - rows) + ["team"] * rows for rows in later]
    stuck = same_value(replace(observe(["basic"] * 200, *plans), is_backward=True), CHECKS)
    assert stuck is not None
    assert stuck.severity is Severity.BLOCKS


def test_rare_values_that_every_day_had_are_missed_together() -> None:
    def sensors(seed: int, first: int = 0) -> list[str]:
        return [f"S{number:02d}" for number in np.random.default_rng(seed).permutation(np.repeat(np.arange(first, 25), 24))]

    days = [sensors(seed) for seed in range(14)]
    assert lost_value(observe(sensors(99, 1), *days), CHECKS) is None
    lost = lost_value(observe(sensors(99, 3), *days), CHECKS)
    assert lost is not None
    assert (round(lost.measure, 2), lost.what) == (0.12, 'has no row of "S00", "S01", "S02"')
