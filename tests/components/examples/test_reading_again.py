"""What is read again, and what is not: a span's examples are kept by what they depend on."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from components.examples.read import read_examples
from tests.components.examples.records import contents, read_split
from tests.components.visits import SQL, Site, day, visits

ASKED_FOR = SQL.replace("pages,", "ARRAY_LENGTH(@spans) AS pages,")
"""`pages` tells how many spans the query was asked for that gave the row."""


def inodes(folder: Path) -> dict[str, int]:
    """Files with one inode were read once."""
    return {f"{path.parent.name} {path.name}": path.stat().st_ino for path in folder.rglob("*.gz")}


def asked_for(folder: Path) -> dict[str, set[object]]:
    return {span: {row["pages"] for row in rows} for span, rows in read_split(folder, "train").items()}


def test_a_second_read_takes_what_is_kept(site: Site, tmp_path: Path) -> None:
    model = site.model()
    assert site.read(model, tmp_path / "one") == site.read(model, tmp_path / "two")
    assert inodes(tmp_path / "one") == inodes(tmp_path / "two")


def test_a_file_of_a_run_that_was_written_into_is_not_read_again(site: Site, tmp_path: Path) -> None:
    """It shares its bytes with the cache."""
    model = site.model()
    counts = site.read(model, tmp_path / "one")
    good = contents(tmp_path / "one")
    one, another = sorted((tmp_path / "one" / "Split-train").iterdir())
    one.write_bytes(another.read_bytes())

    assert site.read(model, tmp_path / "two") == counts

    assert contents(tmp_path / "two") == good


def test_a_read_into_another_cache_gives_the_same_bytes(site: Site, tmp_path: Path) -> None:
    site.read(site.model(), tmp_path / "one")
    elsewhere = replace(site, settings=site.settings.model_copy(update={"state_folder": tmp_path / "elsewhere"}))
    elsewhere.read(site.model(), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_rows_that_are_loaded_in_another_order_give_the_same_bytes(own_site: Site, tmp_path: Path) -> None:
    own_site.read(own_site.model(), tmp_path / "one")
    own_site.load(visits(4)[::-1], day(4))
    elsewhere = replace(own_site, settings=own_site.settings.model_copy(update={"state_folder": tmp_path / "elsewhere"}))
    elsewhere.read(own_site.model(), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_window_that_slides_by_a_span_reads_one_span(site: Site, tmp_path: Path) -> None:
    model = site.model(sql=ASKED_FOR)
    site.read(model, tmp_path / "one", through=5)
    site.read(model, tmp_path / "two", through=6)
    assert asked_for(tmp_path / "one") == {"20260303": {2}, "20260304": {2}}
    assert asked_for(tmp_path / "two") == {"20260304": {2}, "20260305": {1}}
    shared = inodes(tmp_path / "one").items() & inodes(tmp_path / "two").items()
    assert {name for name, _ in shared} == {f"Split-{split} data_tfrecord-20260304.gz" for split in ("train", "eval")}


def test_a_rewritten_partition_is_read_again_by_the_spans_that_depend_on_it(own_site: Site, tmp_path: Path) -> None:
    """With two days of history and one of labels, the span of day 4 depends on days 3 to 5, that of day 5 on 4 to 6."""
    model = own_site.model()
    own_site.read(model, tmp_path / "before")
    before = inodes(tmp_path / "before")
    for number, changed in ((3, {"20260304"}), (6, {"20260305"}), (5, {"20260304", "20260305"}), (2, set[str]())):
        own_site.load([*visits(number)[1:], {**visits(number)[0], "pages": 100}], day(number))
        own_site.read(model, tmp_path / str(number))
        after = inodes(tmp_path / str(number))
        assert {name[-11:-3] for name, inode in after.items() if inode != before[name]} == changed
        before = after


@pytest.mark.parametrize(
    "change",
    [
        {"sql": f"{SQL} -- changed"},
        {"toml": {"train = 3": "train = 2"}},
        {"toml": {"history_days = 2": "history_days = 3"}},
        {"toml": {"[training]": '[checks]\ncluster = "device"\n\n[training]'}},
        {"toml": {"label_delay_days = 1": "label_delay_days = 0", "spans = 2": "spans = 3"}},
    ],
)
def test_a_changed_recipe_reads_again(site: Site, tmp_path: Path, change: dict[str, object]) -> None:
    site.read(site.model(), tmp_path / "one")
    site.read(site.model(**change), tmp_path / "two")
    assert set(inodes(tmp_path / "one").values()) & set(inodes(tmp_path / "two").values()) == set()


def test_a_change_that_examples_do_not_depend_on_reads_nothing(site: Site, tmp_path: Path) -> None:
    site.read(site.model(), tmp_path / "one")
    site.read(site.model(toml={"epochs = 1": "epochs = 2", "at_least = 0.6": "at_least = 0.7"}), tmp_path / "two")
    assert inodes(tmp_path / "one") == inodes(tmp_path / "two")


def test_two_runs_at_once_share_the_work(site: Site, tmp_path: Path) -> None:
    model = site.model()
    snapshot = site.pin(model)

    def read(name: str) -> dict[str, int]:
        read_examples(site.cloud, model, snapshot, tmp_path / name)
        return inodes(tmp_path / name)

    with ThreadPoolExecutor(4) as pool:
        one, *others = pool.map(read, "abcd")
    assert all(other == one for other in others)
