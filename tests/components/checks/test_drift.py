"""How far a column has moved, and in which words."""

from components.checks.drift import distance, shifted
from components.checks.findings import Check
from tests.components.checks.steps import CHECKS, numbers, profile, step


def test_a_distance_of_samples_of_the_same_is_nothing_however_few_rows() -> None:
    for rows in (5, 20, 100, 1000):
        found = [distance(profile(numbers(seed, rows)), profile(numbers(seed + 500, rows))).excess(0.15, 0.25) for seed in range(60)]
        assert max(found) <= 1


def test_texts_of_any_kind_have_no_distance() -> None:
    assert distance(profile([f"a{n}" for n in range(300)]), profile([f"b{n}" for n in range(300)])).excess(0.1, 0.1) == 0


def test_a_drift_names_all_measures_and_the_median() -> None:
    measure = shifted(step(numbers(1, scale=100), numbers(2)), CHECKS)
    assert measure is not None
    assert measure.check == Check.DRIFT
    assert "(Jensen-Shannon 1.00, L-infinity 0.2" in measure.what
    assert "PSI " in measure.what
    assert "; median 7" in measure.what
    assert measure.what.endswith(" times as large)")


def test_a_share_that_moved_is_named_and_so_is_its_setting() -> None:
    measure = shifted(step([True] * 280 + [False] * 120, [True] * 120 + [False] * 280), CHECKS)
    assert measure is not None
    assert (round(measure.measure, 2) > 0.25, measure.threshold) == (True, CHECKS.category_drift)
    assert '"true" is 70.0% of it, was 30.0%' in measure.what or '"false" is 30.0% of it, was 70.0%' in measure.what
    assert "raise checks.category_drift" in measure.remedy
