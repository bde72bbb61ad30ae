"""Faults that nobody prepared the comparison for, in tables of others: the spoilt column leads, and clean weeks have no culprit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pytest

from components.comparison.compare import DataComparison, Side, compare_profiles
from components.comparison.sentences import culprit, is_clear, leading
from components.model.column_lineage import Lineage
from components.profiles.profile import SOURCE_TABLE, ColumnProfiles, ProfileKey
from components.profiles.profiling import profile_batch
from tests.components.checks.shops import KEYS, Days, Frame, batch, grocery, marketplace, wholesale
from tests.components.checks.tables import TABLES, bakery, clinic, ledger, loans, parcels, subscriptions

Table = Callable[[int], Days]
Spoil = Callable[[Frame], Frame]
KEY: Mapping[Table, str] = {**KEYS, **TABLES}
FIRST, NEW, LAST = 20, 48, 55
"""Days of a table, the first one compared, the first new one, and the end."""
HOUR = np.timedelta64(1, "h")


@lru_cache(maxsize=1)
def days_of(table: Table) -> Days:
    return table(1)


def profile(frame: Frame, key: str) -> ColumnProfiles:
    """A column that is NULL all day is one of text, as in the days that have values."""
    rows = batch(frame)
    arrays = [array.cast(pa.string()) if pa.types.is_null(array.type) else array for array in rows.columns]
    return profile_batch(pa.RecordBatch.from_arrays(arrays, rows.schema.names), key)


def compare(table: Table, columns: tuple[str, ...], spoil: Spoil | None = None) -> DataComparison:
    """Four weeks, and the window two weeks later, whose last week may be spoilt. Columns feed a feature each."""
    frames, key = days_of(table), KEY[table]
    order = sorted(frames)[FIRST:LAST]
    names = columns or tuple(frames[order[0]])

    def side(name: str, days: list[date]) -> Side:
        bad = set(order[NEW - FIRST :]) if spoil else set()
        kept = {day: {one: frames[day][one] for one in dict.fromkeys([*names, key])} for day in days}
        source = {
            ProfileKey(SOURCE_TABLE, day, str(day)): profile(spoil(frame) if spoil and day in bad else frame, key)
            for day, frame in kept.items()
        }
        return Side(name=name, source=source, rows={})

    features = tuple(name for name in names if name != key)
    lineage = Lineage(features, {name: frozenset({name}) for name in features}, keys=frozenset({key}))
    return compare_profiles(side("before", order[: NEW - FIRST]), side("after", order[14:]), lineage)


def put(column: str, make: Callable[[np.ndarray], object]) -> Spoil:
    return lambda frame: {**frame, column: np.asarray(make(frame[column]))}


def texts(column: str, make: Callable[[object], object]) -> Spoil:
    return put(column, lambda values: np.array([None if value is None else make(value) for value in values], object))


def without(column: str, gone: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    def spoil(frame: Frame) -> Frame:
        kept = ~gone(frame[column])
        return {name: values[kept] for name, values in frame.items()}

    return spoil


def repeated(times: int) -> Spoil:
    return lambda frame: {name: np.repeat(values, times) for name, values in frame.items()}


def swapped(one: str, other: str) -> Spoil:
    return lambda frame: {**frame, one: frame[other], other: frame[one]}


def hour(times: np.ndarray) -> np.ndarray:
    hours: np.ndarray = (times - times.astype("datetime64[D]")) // HOUR
    return hours


@dataclass(frozen=True)
class Fault:
    """A fault in a column, what is compared beside it, and a part of the first sentence."""

    name: str
    table: Table
    column: str
    spoil: Spoil
    says: str
    others: tuple[str, ...] = ()


FAULTS = (
    Fault("kilograms in grams", grocery, "weight", put("weight", lambda v: v * 1000), "1,000 times larger: another unit?", ("tender",)),
    Fault("minutes in seconds", clinic, "minutes", put("minutes", lambda v: v * 60), "60 times larger: another unit?", ("allergy",)),
    Fault("kilograms in pounds", grocery, "weight", put("weight", lambda v: np.round(v * 2.2046, 3)), "% of its values differ: mean"),
    Fault("an hour gone", grocery, "sold_at", without("sold_at", lambda v: hour(v) == 12), "none in '12 h' any more", ("member",)),
    Fault("a category gone", bakery, "store", without("store", lambda v: v == "S3"), "gone 'S3'", ("customer",)),
    Fault("text in numbers", loans, "income", texts("income", lambda v: f"{v} EUR"), "text that is no number", ("note",)),
    Fault("a decimal comma", ledger, "risk", texts("risk", lambda v: str(v).replace(".", ",")), "text that is no number", ("rate",)),
    Fault("another type", loans, "age", put("age", lambda v: v.astype(str).astype(object)), "was INTEGER and is STRING", ("note",)),
    Fault(
        "another time zone",
        grocery,
        "sold_at",
        put("sold_at", lambda v: v - 5 * HOUR),
        "pattern is 5 h earlier: another time zone?",
        ("member",),
    ),
    Fault("all rows twice", grocery, "rows", repeated(2), "partitions have", ("member", "sold_at")),
    Fault("a join that fans out", loans, "rows", repeated(4), "100% of the rows of a partition are there twice, since", ("note",)),
    Fault(
        "a default for NULL",
        wholesale,
        "customer",
        put("customer", lambda v: np.array([-1.0 if one is None else one for one in v])),
        "of its values differ: mean",
        ("country",),
    ),
    Fault("late data", bakery, "sold_at", without("sold_at", lambda v: hour(v) >= 12), "none in '12 h'", ("store",)),
    Fault("texts cut short", grocery, "department", texts("department", lambda v: str(v)[:4]), "new 'prod'", ("tender",)),
    Fault("columns swapped", clinic, "doctor", swapped("doctor", "icd"), "gone 'Abel', 'Bux', 'Cid'", ("icd", "allergy")),
    Fault(
        "a flag turned round",
        clinic,
        "insured",
        put("insured", lambda v: ~v),
        "(the two values changed places: turned round?)",
        ("allergy",),
    ),
    Fault("always the same", subscriptions, "plan", put("plan", lambda v: np.full(len(v), "basic", object)), "all values are 'basic'"),
    Fault("cents", subscriptions, "amount", put("amount", lambda v: np.round(v * 100)), "100 times larger: another unit?", ("coupon",)),
    Fault("one currency only", ledger, "currency", without("currency", lambda v: v != "EUR"), "all values are 'EUR'", ("rate",)),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.name))
def test_the_spoilt_column_leads(fault: Fault) -> None:
    columns = tuple(dict.fromkeys([name for name in (fault.column, *fault.others) if name != "rows"]))
    found = compare(fault.table, columns, fault.spoil)
    top = leading(found)
    assert top is not None
    assert top.name == fault.column, culprit(found)
    assert fault.says in culprit(found)


@pytest.mark.parametrize("table", [wholesale, marketplace, bakery, clinic, parcels], ids=lambda table: str(table.__name__))
def test_clean_weeks_have_no_culprit(table: Table) -> None:
    assert culprit(compare(table, ())) == "The data differ in no more than chance explains."


def test_a_rate_that_is_another_one_every_day_is_no_culprit() -> None:
    assert culprit(compare(ledger, ("rate",))) == "The data differ in no more than chance explains."


def calendar(make: Callable[[date, np.random.Generator], np.ndarray]) -> DataComparison:
    """Four weeks and the window a week later, of a column beside one that never changes."""
    rng, first = np.random.default_rng(7), date(2025, 12, 1)
    tables = {}
    for day in (first + timedelta(days=number) for number in range(35)):
        frame = {"of": make(day, rng), "kind": rng.choice(["a", "b"], 300).astype(object)}
        tables[ProfileKey(SOURCE_TABLE, day, str(day))] = profile_batch(batch(frame), "", day)
    order = sorted(tables, key=lambda key: key.day)
    before, after = (
        Side(name=name, source={key: tables[key] for key in keys}, rows={}) for name, keys in (("one", order[:28]), ("other", order[7:]))
    )
    lineage = Lineage(("of", "kind"), {name: frozenset({name}) for name in ("of", "kind")}, keys=frozenset())
    return compare_profiles(before, after, lineage)


def weeks(day: date, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(300) < 0.9, f"L{day:%G%V}", f"L{day - timedelta(days=7):%G%V}").astype(object)


def years(day: date, _: np.random.Generator) -> np.ndarray:
    return np.full(300, f"FY{day:%y}", object)


def versions(day: date, rng: np.random.Generator) -> np.ndarray:
    now, last = ("5.0", "4.2") if day >= date(2025, 12, 30) else ("4.2", "4.1")
    return np.where(rng.random(300) < 0.98, now, last).astype(object)


def beginnings(day: date, _: np.random.Generator) -> np.ndarray:
    return np.full(300, day.replace(day=1), object)


def campaigns(day: date, rng: np.random.Generator) -> np.ndarray:
    names = ["Sun", "Sea", "Ice", "Fire", "Wood", "Rain"]
    return rng.choice([names[(day - date(2025, 12, 1)).days // 7 % 6], "none"], 300).astype(object)


@pytest.mark.parametrize("make", [weeks, years, versions, beginnings, campaigns])
def test_what_goes_with_the_calendar_is_no_culprit(make: Callable[[date, np.random.Generator], np.ndarray]) -> None:
    top = leading(calendar(make))
    assert top is None or not is_clear(top)


@pytest.mark.parametrize(
    ("share", "change", "says"),
    [
        (0.2, lambda day: date(1970, 1, 1), "1970"),
        (1.0, lambda day: day + timedelta(days=9), "days after 0% →"),
        (1.0, lambda _: date(2025, 12, 29), "before 0% →"),
    ],
)
def test_dates_that_stand_for_none_or_moved_lead(share: float, change: Callable[[date], date], says: str) -> None:
    def shipped(day: date, rng: np.random.Generator) -> np.ndarray:
        is_wrong = (rng.random(300) < share) & (day >= date(2025, 12, 29))
        days = rng.integers(1, 4, 300)
        return np.array([change(day) if wrong else day + timedelta(days=int(n)) for wrong, n in zip(is_wrong, days, strict=True)], object)

    found = calendar(shipped)
    top = leading(found)
    assert top is not None
    assert top.name == "of"
    assert says in culprit(found)
