"""Loading the examples' data: known data, whole partitions, and nothing twice."""

import importlib.metadata
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from google.cloud import bigquery

from components.errors import SourceError
from components.google import bigquery_client
from components.model.folder import Model, read_model
from components.model.sections import SourceSection
from components.settings import REPOSITORY, Settings
from pipelines.local.seed import CDNOW, CDNOW_SHA256, SeedResult, read_cdnow, seed

JANUARY = {1: 212, 2: 247, 3: 236, 4: 178, 5: 256}
"""Purchases of the first days."""


@dataclass
class Shop:
    """A project of its own, without data sets."""

    client: bigquery.Client
    settings: Settings
    model: Model
    progress: list[tuple[int, int]] = field(default_factory=list)

    def seed(self, through: int | None) -> SeedResult:
        day = date(1997, 1, through) if through else None
        return seed(self.client, self.settings, self.model, through=day, progress=lambda done, of: self.progress.append((done, of)))

    def query(self, sql: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in self.client.query(sql).result()]

    def rows(self) -> dict[int, int]:
        return {
            int(str(day)[-2:]): int(str(rows))
            for day, rows in self.query("SELECT purchase_date, COUNT(*) FROM retail.purchases GROUP BY 1")
        }


@pytest.fixture
def churn() -> Model:
    return read_model(REPOSITORY / "pipelines" / "models", "churn")


@pytest.fixture
def shop(cloud: Settings, churn: Model) -> Shop:
    settings = cloud.model_copy(update={"project": f"shop-{uuid4().hex[:8]}"})
    return Shop(bigquery_client(settings), settings, churn)


def test_the_data_are_those_that_fader_and_hardie_published() -> None:
    origin, days = read_cdnow()
    purchases = [purchase for rows in days.values() for purchase in rows]
    assert origin.sha256 == CDNOW_SHA256
    assert origin.rows == len(purchases) == 69_659
    assert len({purchase["customer_id"] for purchase in purchases}) == 23_570
    assert len(days) == 546 == (origin.last - origin.first).days + 1
    assert (origin.first, origin.last) == (date(1997, 1, 1), date(1998, 6, 30))
    assert sum(float(str(purchase["dollar_value"])) for purchase in purchases) == pytest.approx(2_500_315.63)
    assert sum(int(str(purchase["number_of_cds"])) for purchase in purchases) == 167_881
    assert (origin.package, origin.licence) == ("PyPI package lifetimes 0.11.3", "MIT (the package)")


def test_days_are_in_order_and_hold_their_own_purchases() -> None:
    _, days = read_cdnow()
    assert list(days) == sorted(days)
    assert all(purchase["purchase_date"] == day.isoformat() for day, purchases in days.items() for purchase in purchases)


def test_a_table_partitioned_by_day_is_made(shop: Shop) -> None:
    seeded = shop.seed(through=5)
    table = shop.client.get_table(seeded.table)
    assert (seeded.table, seeded.partitions, seeded.loaded) == (f"{shop.settings.project}.retail.purchases", 5, 5)
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("DAY", "purchase_date")
    assert shop.rows() == JANUARY
    assert shop.progress == [(5, 5)]


def test_seeding_again_loads_nothing(shop: Shop) -> None:
    shop.seed(through=3)
    modified = shop.client.get_table("retail.purchases").modified
    shop.progress.clear()
    assert shop.seed(through=3).loaded == 0
    assert shop.client.get_table("retail.purchases").modified == modified
    assert shop.progress == []


def test_models_of_the_same_table_load_it_once(shop: Shop) -> None:
    shop.seed(through=2)
    other = Shop(shop.client, shop.settings, read_model(REPOSITORY / "pipelines" / "models", "loyalty"))
    assert other.seed(through=3).loaded == 1
    assert shop.seed(through=3).loaded == 0


def test_a_load_that_was_interrupted_is_completed(shop: Shop) -> None:
    shop.seed(through=2)
    shop.query("DELETE FROM retail.purchases WHERE purchase_date = '1997-01-02' AND MOD(customer_id, 2) = 0")
    shop.progress.clear()
    assert shop.seed(through=4).loaded == 3
    assert shop.progress == [(done, 3) for done in range(1, 4)]
    assert shop.rows() == {day: rows for day, rows in JANUARY.items() if day <= 4}


def test_a_table_that_somebody_else_fills_meanwhile_holds_no_row_twice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.seed(through=2)
    monkeypatch.setattr("pipelines.local.seed._rows_by_partition", lambda *_: {})
    assert shop.seed(through=3).loaded == 3
    assert shop.rows() == {day: rows for day, rows in JANUARY.items() if day <= 3}


def test_a_partition_with_rows_twice_is_replaced(shop: Shop) -> None:
    shop.seed(through=2)
    shop.query("INSERT INTO retail.purchases SELECT * FROM retail.purchases WHERE purchase_date = '1997-01-02'")
    assert shop.seed(through=2).loaded == 1
    assert shop.rows() == {1: JANUARY[1], 2: JANUARY[2]}


def test_an_earlier_date_takes_nothing_away(shop: Shop) -> None:
    shop.seed(through=3)
    seeded = shop.seed(through=1)
    assert (seeded.partitions, seeded.loaded) == (1, 0)
    assert set(shop.rows()) == {1, 2, 3}


def test_values_are_loaded_exactly(shop: Shop) -> None:
    shop.seed(through=1)
    _, days = read_cdnow()
    wanted = sorted((row["customer_id"], row["number_of_cds"], str(row["dollar_value"])) for row in days[date(1997, 1, 1)])
    found = shop.query("SELECT customer_id, number_of_cds, CAST(CAST(dollar_value AS FLOAT64) AS STRING) FROM retail.purchases")
    assert sorted((customer, cds, str(float(str(dollars)))) for customer, cds, dollars in found) == wanted


@pytest.mark.parametrize("day", [date(1996, 12, 31), date(1998, 7, 1)])
def test_a_date_outside_the_data_is_refused(shop: Shop, day: date) -> None:
    with pytest.raises(SourceError) as error:
        seed(shop.client, shop.settings, shop.model, through=day, progress=lambda *_: None)
    assert str(error.value) == f"--through {day} is outside the data, which has 1997-01-01 to 1998-06-30: choose a date between them"


def test_a_model_whose_data_do_not_come_along_is_refused(shop: Shop) -> None:
    source = SourceSection(table="site.visits", partition_field="day", history_days=1)
    other = shop.model.model_copy(update={"name": "visits", "source": source})
    with pytest.raises(SourceError, match="^the data of model 'visits' do not come with Perennial: load site.visits yourself$"):
        seed(shop.client, shop.settings, other, through=None, progress=lambda *_: None)


def test_another_table_of_that_name_is_left_alone(shop: Shop) -> None:
    shop.client.create_dataset("retail")
    shop.client.create_table(bigquery.Table(f"{shop.settings.project}.retail.purchases", [bigquery.SchemaField("purchase_date", "STRING")]))
    with pytest.raises(SourceError) as error:
        shop.seed(through=1)
    name = f"{shop.settings.project}.retail.purchases"
    assert str(error.value).startswith(f"loading {name}: ")
    assert str(error.value).endswith(f"; drop the table if it is another one (`bq rm {name}`), and seed again")


def test_a_file_that_was_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = importlib.metadata.distribution("lifetimes")
    changed = tmp_path / CDNOW
    changed.parent.mkdir(parents=True)
    changed.write_bytes(Path(str(package.locate_file(CDNOW))).read_bytes().replace(b" 29.33", b" 29.34", 1))
    (tmp_path / "lifetimes-0.11.3.dist-info").mkdir()
    (tmp_path / "lifetimes-0.11.3.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: lifetimes\nVersion: 0.11.3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SourceError) as error:
        read_cdnow()
    assert str(error.value).startswith(f"{changed} has SHA-256 ")
    assert str(error.value).endswith(f", not {CDNOW_SHA256}: install the locked environment anew (`make setup`)")
