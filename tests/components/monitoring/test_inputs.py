"""The looks at what was served on a day, against the rows that the version was trained on."""

import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest

from components.model.folder import Model, read_model
from components.monitoring.inputs import look_at_inputs, untrained_values
from components.profiles.profile import ColumnProfile, ProfileKey, label_population
from components.profiles.profiling import profile_batch
from components.settings import REPOSITORY
from tests.components.visits import FIRST

Rows = dict[str, Sequence[object]]


@pytest.fixture(scope="module")
def model() -> Model:
    """Slices by hour, carrier and origin; origin is a segment."""
    return read_model(REPOSITORY / "pipelines" / "models", "delays")


def flights(day: int, hours: range = range(5, 12)) -> Rows:
    numbers = range(400)
    return {
        "hour": [hours[number % len(hours)] for number in numbers],
        "weekday": [1 + day % 7] * 400,
        "carrier": ["AA" if number % 3 else "UA" for number in numbers],
        "origin": ["JFK" if number % 2 else "LGA" for number in numbers],
        "distance": [200.0 + (number * 37 + day) % 400 for number in numbers],
    }


def profile(rows: Rows) -> dict[str, ColumnProfile]:
    return profile_batch(pa.RecordBatch.from_pydict(dict(rows)))


@pytest.fixture(scope="module")
def trained() -> dict[ProfileKey, dict[str, ColumnProfile]]:
    return {ProfileKey(label_population(0), FIRST + timedelta(days=day), "f"): profile(flights(day)) for day in range(5)}


def found(model: Model, trained: dict[ProfileKey, dict[str, ColumnProfile]], rows: Rows) -> dict[str, str]:
    days = look_at_inputs(model, trained, profile(rows))
    return {one.name: finding.what for one in days for finding in one.findings}


CASES: dict[str, tuple[Callable[[Rows], Rows], dict[str, str]]] = {
    "a day as those before": (dict, {}),
    "hours": (
        lambda rows: rows | {"hour": flights(2, range(5, 24))["hour"]},
        {"hour": "is 12-23 in 63.0% of rows, which the version was never trained on"},
    ),
    "a weekday": (lambda rows: rows | {"weekday": [7] * 400}, {"weekday": "is 7 in 100% of rows, which the version was never trained on"}),
    "a carrier": (
        lambda rows: rows | {"carrier": ["ZZ" if number % 10 == 0 else "AA" for number in range(400)]},
        {"carrier": "is ZZ in 10.0% of rows, which the version was never trained on"},
    ),
    "a segment that is gone": (
        lambda rows: rows | {"origin": ["JFK"] * 400},
        {"origin": 'is "JFK" in all 400 values; so in 50.0% of values in training'},
    ),
    "NULL": (
        lambda rows: rows | {"distance": [None if number % 4 == 0 else 300.0 + number % 200 for number in range(400)]},
        {"distance": "is NULL in 100 of 400 rows; never NULL in training"},
    ),
}


@pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES)
def test_what_is_wrong_with_a_feature_is_told(
    model: Model, trained: dict[ProfileKey, dict[str, ColumnProfile]], change: Callable[[Rows], Rows], expected: dict[str, str]
) -> None:
    assert found(model, trained, change(flights(2))) == expected


def test_values_in_another_unit_are_told_and_drift_is_measured(model: Model, trained: dict[ProfileKey, dict[str, ColumnProfile]]) -> None:
    metres = profile(flights(2) | {"distance": [float(str(value)) * 1609 for value in flights(2)["distance"]]})
    (distance,) = [one for one in look_at_inputs(model, trained, metres) if one.name == "distance"]
    assert distance.distance > 0.5
    assert distance.findings[0].what.startswith("is out of all range in 400 of 400 values")


def test_sensitive_columns_that_the_log_hides_are_not_looked_at(
    trained: dict[ProfileKey, dict[str, ColumnProfile]], model: Model, tmp_path: Path
) -> None:
    folder = shutil.copytree(model.folder, tmp_path / model.name)
    hashed = [sha256(str(value).encode()).hexdigest() for value in flights(2)["carrier"]]
    hidden = flights(2) | {"carrier": hashed, "distance": pa.nulls(400, pa.float64())}
    assert found(read_model(tmp_path, model.name), trained, hidden).keys() == {"carrier", "distance"}
    (folder / "card.toml").write_text('[[data]]\nname = "flights"\nsensitive = ["carrier: a firm", "distance"]\n')
    assert found(read_model(tmp_path, model.name), trained, hidden) == {}
    assert found(read_model(tmp_path, model.name), trained, flights(2) | {"carrier": ["ZZ"] * 400}).keys() == {"carrier"}


def test_untrained_values_are_listed_by_feature(model: Model, trained: dict[ProfileKey, dict[str, ColumnProfile]]) -> None:
    days = look_at_inputs(model, trained, profile(flights(2, range(10, 14))))
    assert untrained_values(days) == {"hour": frozenset({"12", "13"})}


def test_of_a_measure_with_few_values_others_are_no_news(model: Model) -> None:
    rain = [0.0, 0.01, 0.02]
    trained = {
        ProfileKey(label_population(0), FIRST + timedelta(days=day), "f"): profile(
            flights(day) | {"rain": [rain[number % 3] for number in range(400)], "gate": [2 * (number % 3) for number in range(400)]}
        )
        for day in range(14)
    }
    now = {"rain": [0.005 if number % 10 == 0 else rain[number % 3] for number in range(400)]}
    now["gate"] = [3 if number % 10 == 0 else 2 * (number % 3) for number in range(400)]
    assert found(model, trained, flights(2) | now) == {"gate": "is 3 in 10.0% of rows, which the version was never trained on"}


@pytest.mark.parametrize(("per_day", "is_told"), [(30, False), (0, True)], ids=["it has grown in training, too", "it was always the same"])
def test_that_a_feature_moves_on_as_it_did_in_training_is_nothing_new(model: Model, per_day: int, is_told: bool) -> None:
    def of(day: int) -> Rows:
        ages = {"few": [float(per_day * day + number % 5) for number in range(400)]}
        return flights(day) | ages | {"many": [float(per_day * day + number % 90) for number in range(400)]}

    trained = {ProfileKey(label_population(0), FIRST + timedelta(days=day), "f"): profile(of(day)) for day in range(14)}
    later = flights(2) | {
        "few": [float(900 + number % 5) for number in range(400)],
        "many": [float(100 + number % 90) for number in range(400)],
    }
    far = {"few": [500.0 + number % 5 for number in range(400)], "many": [480.0 + number % 90 for number in range(400)]}
    told = found(model, trained, flights(2) | (far if per_day else later))
    assert (told.keys() >= {"few", "many"}) is is_told, told
    assert bool(told.keys() & {"few", "many"}) is is_told, told


def test_without_the_training_data_nothing_is_judged(model: Model) -> None:
    assert [one.findings for one in look_at_inputs(model, {}, profile(flights(2)))] == [()] * 5


@pytest.mark.parametrize(
    ("served", "differing"),
    [
        (dict, set()),
        (lambda rows: {name: values[:150] for name, values in rows.items()}, set()),
        (lambda rows: {name: [*values[200:], *values] for name, values in rows.items()}, set()),
        (
            lambda rows: {
                name: [one for one, hour in zip(values, rows["hour"], strict=True) if hour == 6] for name, values in rows.items()
            },
            set(),
        ),
        (lambda rows: rows | {"distance": [1.609 * one for one in rows["distance"]]}, {"distance"}),
        (lambda rows: rows | {"weekday": [0] * 400}, {"weekday"}),
        (lambda rows: rows | {"carrier": [one.lower() for one in rows["carrier"]]}, {"carrier"}),
        (lambda rows: rows | {"origin": [None if place % 4 == 0 else one for place, one in enumerate(rows["origin"])]}, {"origin"}),
    ],
    ids=["the same", "a part of the rows", "some of them twice", "an hour alone", "another unit", "one value", "another spelling", "NULLs"],
)
def test_features_of_which_a_service_is_given_something_else_than_source_sql_gives(
    model: Model, served: Callable[[Rows], Rows], differing: set[str]
) -> None:
    computed = profile(flights(3))
    looked = look_at_inputs(model, {}, profile(served(flights(3))), computed)
    assert {one.name for one in looked if one.is_skewed} == differing


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(range(0, 400, 7), (False, False)), (range(6, 400, 7), (True, True)), (range(19), (False, True)), (range(6, 400), (False, False))],
    ids=["some of all", "an hour alone", "too few", "nearly all"],
)
def test_of_a_small_part_of_the_rows_it_is_known_only_if_they_are_like_the_whole(
    model: Model, rows: Sequence[int], expected: tuple[bool, bool]
) -> None:
    every: Rows = {"hour": [number // 20 % 7 for number in range(400)], "distance": [200.0 + number * 37 % 400 for number in range(400)]}
    if rows == range(6, 400, 7):
        every |= {"hour": [number % 7 for number in range(400)]}
    some = profile({name: [values[place] for place in rows] for name, values in every.items()})
    (hour,) = [one for one in look_at_inputs(model, {}, some, profile(every)) if one.name == "hour"]
    assert (hour.is_part, hour.skew is None) == expected
