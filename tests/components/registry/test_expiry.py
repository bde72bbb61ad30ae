"""How long pinned tables are kept: the policies of two models, a registry that says who uses what, and BigQuery's own expirations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from components.errors import ModelFolderError, RegistryError
from components.model.folder import Model
from components.model.sections import SnapshotsSection
from components.registry.expiry import Change, TableExpiry, _end, apply_expiry, plan_expiry
from components.registry.snapshot_use import TableUse
from components.registry.versions import NewVersion, register_version
from components.runs.record import Run
from components.snapshot.document import Snapshot
from components.snapshot.pinned import keep_pinned, pinned_tables, set_expiry
from components.snapshot.record import RecordedSnapshot, record_snapshot
from tests.components.deployment.deploying import deploy
from tests.components.recorded import record_pin
from tests.components.visits import DAYS, Site

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Keeper:
    """A site whose trainings are in a registry, in a transaction that is never committed."""

    site: Site
    connection: sa.Connection
    new_run: Callable[..., Run]
    new_version: Callable[..., NewVersion]

    def policy(self, name: str = "visits", *, versions: int = 10, days: int = 90) -> Model:
        """A model of the site's table with its own policy."""
        section = f"latency_milliseconds = 50\n\n[snapshots]\nkeep_versions = {versions}\nkeep_days = {days}"
        return self.site.model(name=name, toml={"latency_milliseconds = 50": section})

    def train(self, model: Model, through: int = DAYS) -> Snapshot:
        """Pin, and register a version that was trained on it."""
        pinned = self.site.pin(model, through)
        record_snapshot(self.connection, RecordedSnapshot.of(pinned))
        register_version(self.connection, self.new_version(self.connection, model=model.name, snapshot_id=pinned.snapshot_id))
        keep_pinned(self.site.client, self.site.settings, pinned.snapshot_table)
        return pinned

    def block(self, model: Model, through: int = DAYS) -> Snapshot:
        """Pin, for a run that makes no version."""
        pinned, run = self.site.pin(model, through), self.new_run(model=model.name)
        record_pin(self.connection, run, pinned)
        keep_pinned(self.site.client, self.site.settings, pinned.snapshot_table)
        return pinned

    @property
    def now(self) -> datetime:
        """When all that was pinned was pinned: a transaction has one time."""
        found: datetime = self.connection.execute(sa.text("SELECT now()")).scalar_one()
        return found

    def apply(self, model: str = "visits", *, after: timedelta = timedelta(), dry_run: bool = False) -> list[TableExpiry]:
        """Apply the policy, that long after everything was pinned."""
        do = plan_expiry if dry_run else apply_expiry
        return do(self.connection, self.site.client, settings=self.site.settings, model=model, now=self.now + after)

    def expires(self, pinned: Snapshot) -> datetime | None:
        """What BigQuery says."""
        found: datetime | None = self.site.client.get_table(pinned.snapshot_table).expires
        return found

    def days_left(self, pinned: Snapshot) -> float | None:
        """Days from the pinning to the end, None where there is none."""
        expires = self.expires(pinned)
        return None if expires is None else round((expires - self.now) / DAY, 6)


@pytest.fixture
def keeper(own_site: Site, connection: sa.Connection, new_run: Callable[..., Run], new_version: Callable[..., NewVersion]) -> Keeper:
    return Keeper(own_site, connection, new_run, new_version)


def test_what_the_last_versions_were_trained_on_is_kept_and_the_rest_expires(keeper: Keeper) -> None:
    model = keeper.policy(versions=2, days=30)
    first, second, third = (keeper.train(model, through) for through in (4, 5, 6))
    done = keeper.apply()
    assert [(table.table, table.change) for table in sorted(done, key=lambda table: table.change)] == [
        (first.snapshot_table, Change.SET),
        *sorted((pinned.snapshot_table, Change.NONE) for pinned in (second, third)),
    ]
    assert [keeper.days_left(pinned) for pinned in (first, second, third)] == [30, None, None]


def test_the_reason_is_told(keeper: Keeper) -> None:
    old, new = (keeper.train(keeper.policy(versions=1, days=30), through) for through in (5, 6))
    reasons = {table.table: table.reason for table in keeper.apply()}
    assert reasons == {
        old.snapshot_table: f"visits used it last on {keeper.now:%Y-%m-%d} and keeps such tables 30 days",
        new.snapshot_table: "version 2 of visits, which keeps those of its last 1, was trained on it",
    }


def test_without_a_section_ten_versions_and_ninety_days_are_kept(keeper: Keeper) -> None:
    model = keeper.site.model()
    first = keeper.train(model, 5)
    for _ in range(9):
        keeper.train(model, 6)
    keeper.apply()
    assert keeper.days_left(first) is None
    keeper.train(model, 6)
    keeper.apply()
    assert keeper.days_left(first) == 90


def test_what_a_live_version_was_trained_on_is_kept_until_another_takes_its_place(keeper: Keeper) -> None:
    model = keeper.policy(versions=1, days=30)
    live, last = keeper.train(model, 5), keeper.train(model, 6)
    deploy(keeper.connection, "visits", 1, target="prod")
    (reason,) = {table.reason for table in keeper.apply() if table.table == live.snapshot_table}
    assert reason == "a version of visits that was trained on it is live on prod"
    assert [keeper.days_left(pinned) for pinned in (live, last)] == [None, None]
    deploy(keeper.connection, "visits", 2, target="prod")
    keeper.apply()
    assert [keeper.days_left(pinned) for pinned in (live, last)] == [30, None]
    deploy(keeper.connection, "visits", 1, target="prod")
    assert Change.CLEARED in {table.change for table in keeper.apply()}
    assert keeper.days_left(live) is None


def test_what_a_run_without_a_version_pinned_expires(keeper: Keeper) -> None:
    blocked = keeper.block(keeper.policy(days=7))
    keeper.apply()
    assert keeper.days_left(blocked) == 7


def test_no_table_is_given_less_than_a_day_and_the_notice_stands(keeper: Keeper) -> None:
    blocked = keeper.block(keeper.policy(days=7))
    (given,) = keeper.apply(after=100 * DAY)
    assert given.change == Change.SET
    assert keeper.now + 101 * DAY <= (keeper.expires(blocked) or keeper.now) < keeper.now + 101 * DAY + MILLISECOND
    for after in (100 * DAY + HOUR, 100 * DAY + 23 * HOUR):
        assert keeper.apply(after=after) == [TableExpiry(table=given.table, change=Change.NONE, expires=given.expires, reason=given.reason)]


def test_doing_it_again_changes_nothing(keeper: Keeper) -> None:
    model = keeper.policy(versions=1)
    pinned = [keeper.train(model, through) for through in (4, 5, 6)]
    assert {table.change for table in keeper.apply()} == {Change.SET, Change.NONE}
    etags = [keeper.site.client.get_table(one.snapshot_table).etag for one in pinned]
    assert {table.change for table in keeper.apply(after=HOUR)} == {Change.NONE}
    assert [keeper.site.client.get_table(one.snapshot_table).etag for one in pinned] == etags


def test_a_dry_run_says_the_same_and_changes_nothing(keeper: Keeper) -> None:
    blocked = keeper.block(keeper.policy())
    told = keeper.apply(dry_run=True)
    assert keeper.expires(blocked) is None
    assert keeper.apply() == told
    assert keeper.expires(blocked) == told[0].expires


def test_another_policy_moves_the_end(keeper: Keeper) -> None:
    blocked = keeper.block(keeper.policy(days=7))
    for days in (7, 60, 30):
        keeper.policy(days=days)
        keeper.apply()
        assert keeper.days_left(blocked) == days


def test_of_two_models_that_share_a_table_the_more_generous_one_wins(keeper: Keeper) -> None:
    strict, generous = keeper.policy(versions=1, days=7), keeper.policy("returns", days=365)
    shared = keeper.block(strict)
    assert keeper.block(generous).snapshot_table == shared.snapshot_table
    for model in ("visits", "returns"):
        keeper.apply(model)
        assert keeper.days_left(shared) == 365
    keeper.train(generous)
    keeper.apply("visits")
    assert keeper.days_left(shared) is None


def test_snapshots_of_one_model_that_share_a_table_keep_it_together(keeper: Keeper) -> None:
    model = keeper.policy(versions=1, days=7)
    first = keeper.train(model)
    (model.folder / "source.sql").write_text(model.text("source.sql") + "\n")
    second = keeper.train(model)
    assert (first.snapshot_table, first.snapshot_id != second.snapshot_id) == (second.snapshot_table, True)
    assert [table.change for table in keeper.apply()] == [Change.NONE]
    assert keeper.days_left(first) is None


def test_the_tables_of_other_models_are_not_touched(keeper: Keeper) -> None:
    keeper.block(keeper.policy(), 5)
    other = keeper.block(keeper.policy("returns"), 6)
    assert len(keeper.apply("visits")) == 1
    assert keeper.expires(other) is None


def test_a_table_that_is_gone_is_told_and_left(keeper: Keeper) -> None:
    gone, there = keeper.block(keeper.policy(), 5), keeper.block(keeper.policy(), 6)
    keeper.site.client.delete_table(gone.snapshot_table)
    assert {table.table: table.change for table in keeper.apply()} == {gone.snapshot_table: Change.GONE, there.snapshot_table: Change.SET}


def test_a_model_without_a_folder_has_the_policy_of_a_model_that_says_nothing(keeper: Keeper) -> None:
    model = keeper.policy(days=7)
    blocked = keeper.block(model)
    (model.folder / "model.toml").unlink()
    keeper.apply()
    assert keeper.days_left(blocked) == 90


def test_a_folder_that_is_broken_stops_everything(keeper: Keeper) -> None:
    keeper.block(keeper.policy(), 5)
    shared = keeper.block(keeper.policy(), 6)
    other = keeper.policy("returns")
    keeper.block(other, 6)
    (other.folder / "model.toml").write_text("[snapshots]\nkeep_days = 0\n")
    with pytest.raises(ModelFolderError, match=r"returns/model.toml: .*snapshots.keep_days = 0: Input should be greater than 0"):
        keeper.apply("visits")
    assert keeper.expires(shared) is None


def test_a_model_without_snapshots_says_so(keeper: Keeper) -> None:
    with pytest.raises(RegistryError, match="model 'nobody' is not in the registry"):
        keeper.apply("nobody")


def test_the_end_of_a_table_is_that_of_its_last_use() -> None:
    used = datetime(2026, 3, 1, tzinfo=UTC)
    uses = [
        TableUse(table="t", model=model, used_at=used + days * DAY, newest_version=None, latest_version=None, live_on=())
        for model, days in (("a", 0), ("b", 10))
    ]
    assert _end(uses, {"a": SnapshotsSection(keep_days=30), "b": SnapshotsSection(keep_days=19)})[0] == used + 30 * DAY
    assert _end(uses, {"a": SnapshotsSection(keep_days=30), "b": SnapshotsSection(keep_days=21)})[0] == used + 31 * DAY


def test_expirations_are_told_of_those_tables_that_are_there(keeper: Keeper) -> None:
    site, pinned = keeper.site, keeper.site.pin(keeper.site.model())
    keep_pinned(site.client, site.settings, pinned.snapshot_table)
    later = datetime.now(UTC).replace(microsecond=0) + 2 * DAY
    asked = [pinned.snapshot_table, f"{site.name}_pinned_nothing", f"{site.settings.project}.nowhere.nothing"]
    assert pinned_tables(site.client, site.settings, asked) == {pinned.snapshot_table: None}
    set_expiry(site.client, site.settings, pinned.snapshot_table, later)
    assert pinned_tables(site.client, site.settings, asked) == {pinned.snapshot_table: later}
