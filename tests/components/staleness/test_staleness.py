"""Versions on the spans after what they learned from: measured once, from what snapshots keep, on real tables and SavedModels."""

import pytest
import sqlalchemy as sa

from components.errors import RegistryError
from components.policy.facts import AgeingFact
from components.staleness.ageing import ageing_of
from components.staleness.measuring import measure_later_spans
from components.staleness.record import LaterSpans, read_ageing_facts, record_ageing_fact
from tests.components.diagnosis.newest.shop import DIED, STRICT_SQL, TODAY, Shop
from tests.components.visits import day


def turned(row: dict[str, object]) -> dict[str, object]:
    """From now on, who sees many pages does not return."""
    return {**row, "returned": 1 - int(str(row["returned"]))}


def measure(shop: Shop, told: list[str] | None = None) -> LaterSpans:
    news: list[str] = [] if told is None else told
    return measure_later_spans(shop.cloud, shop.model(), versions=20, progress=news.append)


def grown_old(shop: Shop) -> None:
    """Two versions of the old world and two of the new one."""
    shop.load(1, DIED - 1)
    shop.load(DIED, TODAY, turned)
    for through, is_turned in ((6, False), (8, False), (12, True), (16, True)):
        shop.put_version(turned=is_turned, through=through)


def values(spans: LaterSpans) -> dict[int, dict[int, float]]:
    """The AUC of each version, by the number of the day."""
    found: dict[int, dict[int, float]] = {}
    for cell in spans.cells:
        (auc,) = [metric.value for metric in cell.found.metrics if metric.name == "auc"]
        found.setdefault(cell.found.version, {})[(cell.found.span - day(1)).days + 1] = auc
    return found


def test_each_version_is_measured_on_later_spans_and_never_twice(shop: Shop) -> None:
    grown_old(shop)
    told: list[str] = []
    spans = measure(shop, told)
    assert spans.versions == {1: day(5), 2: day(7), 3: day(11), 4: day(15)}
    assert values(spans) == {
        1: {6: 1.0, 7: 1.0, 10: 0.0, 11: 0.0, 14: 0.0, 15: 0.0},
        2: {10: 0.0, 11: 0.0, 14: 0.0, 15: 0.0},
        3: {14: 1.0, 15: 1.0},
    }
    assert (spans.measured_now, spans.notes) == (12, ())
    assert [len(cell.found.metrics) for cell in spans.cells] == [6] * 12
    assert {cell.found.rows for cell in spans.cells} == {400}
    assert [sentence.split(" of snapshot")[0] for sentence in told] == [
        "reading 2 spans",
        "reading 2 spans",
        "reading 2 spans",
        "version 1 is measured on 6 later spans",
        "version 2 is measured on 4 later spans",
        "version 3 is measured on 2 later spans",
    ]
    told.clear()
    again = measure(shop, told)
    assert (again.cells, again.measured_now, told) == (spans.cells, 0, [])


def test_ageing_is_told_against_the_freshest_version_on_the_same_rows(shop: Shop) -> None:
    grown_old(shop)
    ageing = ageing_of("visits", "auc", measure(shop))
    losses = {(one.version, one.span): (one.age_days, one.loss) for one in ageing.values}
    assert losses == {
        (1, day(10)): (5, 0.0),
        (1, day(11)): (6, 0.0),
        (1, day(14)): (9, 1.0),
        (1, day(15)): (10, 1.0),
        (2, day(10)): (3, 0.0),
        (2, day(11)): (4, 0.0),
        (2, day(14)): (7, 1.0),
        (2, day(15)): (8, 1.0),
        (3, day(14)): (3, 0.0),
        (3, day(15)): (4, 0.0),
    }, "days 6 and 7 have one version alone"
    assert [(point.age_days, point.loss, point.expected) for point in ageing.curve] == [
        *((age, 0.0, 0.0) for age in (3, 4, 5, 6)),
        *((age, 1.0, 1.0) for age in (7, 8, 9, 10)),
    ]
    assert (ageing.expected_loss(0), ageing.expected_loss(6.5), ageing.expected_loss(99)) == (0.0, 0.5, 1.0)
    assert ageing.pace.a_month > 0
    with shop.cloud.engine.connect() as connection:
        assert not read_ageing_facts(connection, [shop.name])
    for _ in range(2):
        with shop.cloud.engine.begin() as connection:
            record_ageing_fact(connection, shop.name, ageing.metric, ageing.fact)
    with shop.cloud.engine.connect() as connection:
        kept = read_ageing_facts(connection, [shop.name, "another"])
        rows = connection.execute(sa.text("SELECT count(*) FROM registry.ageing WHERE model = :model"), {"model": shop.name}).scalar()
    assert kept == {shop.name: {ageing.metric: AgeingFact(tuple(range(3, 11)), (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0))}}
    assert rows == 1, "the same is recorded once"
    other = AgeingFact((1,), (0.5,))
    with shop.cloud.engine.begin() as connection:
        record_ageing_fact(connection, shop.name, "pinball_loss", other)
        assert read_ageing_facts(connection, [shop.name]) == {shop.name: {**kept[shop.name], "pinball_loss": other}}, "each metric apart"


def test_a_span_whose_content_changed_is_measured_anew_and_what_cannot_be_fed_is_told(shop: Shop) -> None:
    shop.load(1, TODAY)
    shop.put_version(through=6)
    shop.put_version(through=8, sql=STRICT_SQL.replace("pages,", "pages AS sides,"))
    shop.put_version(through=12)
    spans = measure(shop)
    assert values(spans)[1] == {6: 1.0, 7: 1.0, 10: 1.0, 11: 1.0}
    assert 2 not in values(spans)
    assert any(note.startswith("version 2 refuses every row of span 2026-03-10: ") for note in spans.notes), spans.notes


def test_where_nothing_can_be_told_it_is_refused_in_a_sentence(shop: Shop) -> None:
    shop.load(1, TODAY)
    with pytest.raises(RegistryError, match="is not in the registry"):
        measure(shop)
    shop.put_version(through=6)
    with pytest.raises(
        RegistryError, match=r"has one version, and how fast it ages is told by holding it against a newer one .*: run `perennial train"
    ):
        measure(shop)
    shop.put_version(through=8)
    with pytest.raises(
        RegistryError,
        match=r"how fast visits ages cannot be told by auc: no two of its versions were measured on the same later rows \(no span is",
    ):
        ageing_of("visits", "auc", measure(shop))
