"""From BigQuery's rows to examples: the same values, the split that BigQuery computes, in the order of the key."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from google.cloud import bigquery

from components.columns.column_file import read_kept
from components.errors import SourceError
from components.examples.digest import hash_files
from components.examples.keys import keys_file, split_buckets
from components.examples.read import read_counts, write_counts
from components.google import quoted
from tests.components.examples.conftest import Read
from tests.components.examples.records import Features, read_split
from tests.components.visits import SQL, VISITORS, Site, day, query

HOSTILE = """
WITH given AS (
  SELECT 1 AS visitor, 0 AS pages, 0.1 AS seconds, 'phone' AS device, 0 AS returned UNION ALL
  SELECT 2, 9223372036854775807, -0.0, '', 1 UNION ALL
  SELECT 3, -9223372036854775808, 1e-45, 'a\\000b', 0 UNION ALL
  SELECT 4, -1, 3.4028235e38, 'naïve 日本語 😀', 1 UNION ALL
  SELECT 5, 128, -1.5, 'quotes \\' " ` \\\\ and ; -- {not} a %s', 0 UNION ALL
  SELECT 6, NULL, NULL, NULL, 1 UNION ALL
  SELECT 7, 7, 16777217.0, REPEAT('x', 10000), 0 UNION ALL
  SELECT 8, 8, 1 / 3, 'line\\nbreak\\r\\t', 1 UNION ALL
  SELECT visitor, visitor, 0.5, 'phone', MOD(visitor, 2) FROM UNNEST(GENERATE_ARRAY(100, 120)) AS visitor
)
SELECT as_of, given.* FROM UNNEST(@spans) AS as_of, given WHERE EXISTS (SELECT 1 FROM {source})
"""
WITH_KEY = SQL.replace("pages,", "visitor AS pages,")
BUCKET = "MOD(ABS(FARM_FINGERPRINT(CAST(key AS STRING))), 1000)"


def refused(read: Read, sql: str, **changes: object) -> str:
    with pytest.raises(SourceError) as error:
        read(sql, **changes)
    assert "\n" not in str(error.value)
    return str(error.value)


# Values


def test_examples_hold_what_bigquery_gives(site: Site, read: Read, folder: Path) -> None:
    read(HOSTILE)
    in_train = BUCKET.replace("key", "visitor").replace("1000", "4 /* 3:1 */") + " < 3"
    sql = f"SELECT {in_train}, pages, seconds, device, returned FROM ({HOSTILE.replace('{source}', quoted(site.name))}\n) ORDER BY visitor"
    rows = query(site, sql, [bigquery.ArrayQueryParameter("spans", "DATE", [day(4)])])
    assert len(rows) == 29
    for split, belongs in (("train", True), ("eval", False)):
        wanted = [as_features(*values) for in_train, *values in rows if in_train == belongs]
        assert read_split(folder, split)["20260304"] == wanted
        kept = pa.Table.from_batches(read_kept([folder / f"Split-{split}" / "data_tfrecord-20260304.gz"], 5)).to_pylist()
        assert [{name: value for name, value in row.items() if value is not None} for row in kept] == wanted


def as_features(*values: object) -> Features:
    """A row of BigQuery's REST API as the example that it should be."""
    features: Features = {}
    for name, value in zip(("pages", "seconds", "device", "returned"), values, strict=True):
        match value:
            case int():
                features[name] = value
            case float():
                features[name] = float(np.float32(value))
            case str():
                features[name] = value.encode()
    return features


def test_minus_zero_stays_minus_zero(read: Read, folder: Path) -> None:
    read(SQL.replace("seconds,", "-0.0 AS seconds,"))
    assert all(str(row["seconds"]) == "-0.0" for row in read_split(folder, "train")["20260304"])


def test_there_is_one_file_for_each_span_and_split(read: Read, folder: Path) -> None:
    read()
    names = ["data_tfrecord-20260304.gz", "data_tfrecord-20260305.gz"]
    assert {path.name: sorted(file.name for file in path.iterdir()) for path in folder.iterdir()} == {
        "Split-train": names,
        "Split-eval": names,
        "Split-newest": [],
        **{f"Keys-{split}": [name.replace(".gz", ".npy") for name in names] for split in ("train", "eval")},
        **{f"Columns-{split}": [name.replace(".gz", ".arrow") for name in names] for split in ("train", "eval")},
    }


def test_a_span_that_is_held_out_is_in_neither_split(site: Site, folder: Path) -> None:
    site_rows = {"train": 0, "eval": 0}
    counts = site.read(site.model(toml={"newest_spans = 0": "newest_spans = 1"}), folder)
    assert [(count.span.isoformat(), count.split) for count in counts] == [
        ("2026-03-04", "train"),
        ("2026-03-04", "eval"),
        ("2026-03-05", "newest"),
    ]
    assert counts[-1].rows == VISITORS
    names = ["data_tfrecord-eval-20260305.gz", "data_tfrecord-train-20260305.gz"]
    assert sorted(path.name for path in (folder / "Split-newest").iterdir()) == names
    for split in ("train", "eval", "newest"):
        for file in (folder / f"Split-{split}").iterdir():
            keys = np.load(keys_file(file))
            assert len(keys) == len(np.unique(keys))
            site_rows["eval" if split == "eval" or "-eval-" in file.name else "train"] += len(keys)
    assert site_rows == {"train": 2 * counts[0].rows, "eval": 2 * counts[1].rows}  # the keys are the same on both days
    parts = [("train", "2026-03-04"), ("eval", "2026-03-04"), ("newest.eval", "2026-03-05"), ("newest.train", "2026-03-05")]
    assert list(hash_files(folder)) == parts


def test_counts_are_those_of_the_files(read: Read, folder: Path, tmp_path: Path) -> None:
    counts = read()
    assert sum(count.rows for count in counts) == 2 * VISITORS
    for count in counts:
        rows = read_split(folder, count.split)[f"{count.span:%Y%m%d}"]
        assert (len(rows), sum(int(row["returned"]) for row in rows)) == (count.rows, count.labels["1"])
    write_counts(counts, tmp_path / "counts.json")
    assert read_counts(tmp_path / "counts.json") == counts


def test_neither_key_nor_span_is_a_feature(read: Read, folder: Path) -> None:
    read()
    assert set(read_split(folder, "train")["20260304"][0]) == {"pages", "seconds", "device", "returned"}


# Splits and order


def test_no_key_is_in_two_splits_and_none_is_lost(read: Read, folder: Path) -> None:
    read(WITH_KEY)
    keys = {split: {row["pages"] for rows in read_split(folder, split).values() for row in rows} for split in ("train", "eval")}
    assert keys["train"] & keys["eval"] == set()
    assert keys["train"] | keys["eval"] == set(range(1, VISITORS + 1))


def test_rows_are_in_the_order_of_the_key(read: Read, folder: Path) -> None:
    backwards = WITH_KEY.replace("{source}", "(SELECT * FROM {source} ORDER BY visitor DESC)")
    read(backwards)
    for split in ("train", "eval"):
        for rows in read_split(folder, split).values():
            keys = [row["pages"] for row in rows]
            assert keys == sorted(keys)


@pytest.mark.parametrize(
    "keys", ["GENERATE_ARRAY(-3000, 3000)", "['', 'a', 'é', '日本語', '😀', 'a\\000b', REPEAT('x', 10000), ' a', 'A']"]
)
def test_buckets_are_those_of_bigquery(site: Site, keys: str) -> None:
    rows = query(site, f"SELECT key, {BUCKET} FROM UNNEST({keys}) AS key")
    assert split_buckets(pa.array([key for key, _ in rows]), 1000).tolist() == [bucket for _, bucket in rows]


def test_buckets_are_those_that_googles_documentation_shows() -> None:
    fingerprints = {"1footrue": -1541654101129638711, "2applefalse": 2794438866806483259, "3true": -4880158226897771312}
    assert split_buckets(pa.array(list(fingerprints)), 2**63 - 1).tolist() == [abs(value) for value in fingerprints.values()]


def test_splits_have_the_sizes_that_the_model_asks_for() -> None:
    buckets = split_buckets(pa.array(range(100_000)), 10)
    assert np.bincount(buckets).tolist() == pytest.approx([10_000] * 10, rel=0.05)


# Rows that cannot be trained on


@pytest.mark.parametrize(
    ("old", "new", "column", "shown", "why"),
    [
        ("seconds,", "IF(visitor = 7, CAST('nan' AS FLOAT64), seconds) AS seconds,", "seconds", "nan", "which is not finite"),
        ("seconds,", "IF(visitor = 7, CAST('-inf' AS FLOAT64), seconds) AS seconds,", "seconds", "-inf", "which is not finite"),
        ("seconds,", "IF(visitor = 7, 1e39, seconds) AS seconds,", "seconds", "1e+39", "too large for the float32 of an example"),
        (", returned", ", IF(visitor = 7, 2, returned) AS returned", "returned", "2", "a label must be 0 or 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_row(read: Read, folder: Path, old: str, new: str, column: str, shown: str, why: str) -> None:
    assert refused(read, SQL.replace(old, new)) == (
        f"column {column!r} of source.sql of model 'visits' is {shown} ({why}) for visitor 7 in span 2026-03-04: "
        f"mend the source or source.sql"
    )
    assert not folder.exists()


def test_a_row_without_a_key_or_a_span_is_refused(read: Read) -> None:
    assert "'visitor' of source.sql of model 'visits' is NULL" in refused(read, SQL.replace("visitor,", "NULLIF(visitor, 7) AS visitor,"))
    assert "'as_of' of source.sql of model 'visits' is NULL" in refused(
        read, SQL.replace("day AS as_of", "IF(visitor = 7, NULL, day) AS as_of")
    )


def test_a_key_that_is_there_twice_is_refused(read: Read) -> None:
    assert "is 6 (a key must be unique in its span" in refused(read, SQL.replace("visitor,", "IF(visitor = 7, 6, visitor) AS visitor,"))


def test_a_key_that_is_there_twice_is_found_across_messages(read: Read) -> None:
    """BigQuery sends thousands of rows in a message; 40,000 are several, wherever they are cut."""
    sql = """
        SELECT as_of, IF(n > {cut}, n - 1, n) AS visitor, n AS pages, 0.5 AS seconds, 'phone' AS device, MOD(n, 2) AS returned
        FROM UNNEST(@spans) AS as_of, UNNEST(GENERATE_ARRAY(1, 40000)) AS n WHERE EXISTS (SELECT 1 FROM {source})
    """
    for cut in (1024, 10_240, 20_480):
        assert f"is {cut} (a key must be unique in its span" in refused(read, sql.replace("{cut}", str(cut)))


@pytest.mark.parametrize("value", [0, 1])
def test_labels_of_one_class_are_refused(read: Read, folder: Path, value: int) -> None:
    assert refused(read, SQL.replace(", returned", f", {value} AS returned")) == (
        f"label 'returned' of model 'visits' is {1 - value} in none of the 28 rows of split 'train': a model needs all its classes; "
        f"check source.sql and --through"
    )
    assert not folder.exists()


def test_a_class_that_nobody_is_of_is_named(read: Read) -> None:
    toml = {
        'task = "binary_classification"': 'task = "multiclass_classification"',
        'label = "returned"': 'label = "returned"\nclasses = ["gone", "back", "often"]',
        'metric = "auc"': 'metric = "accuracy"',
    }
    assert refused(read, SQL, toml=toml).startswith("label 'returned' of model 'visits' is often in none of the 28 rows of split 'train': ")
    counts = read(SQL.replace(", returned", ", MOD(visitor, 3) AS returned"), toml=toml)
    assert {tuple(count.labels) for count in counts} == {("gone", "back", "often")}
    assert sum(count.rows for count in counts) == 2 * VISITORS


NUMBERS = {'task = "binary_classification"': 'task = "regression"', 'metric = "auc"': 'metric = "r_squared"'}


def test_labels_that_are_numbers_are_summed_up(read: Read) -> None:
    counts = read(SQL.replace(", returned", ", visitor - 1.5 AS returned"), toml=NUMBERS)
    assert {tuple(count.labels) for count in counts} == {("number",)}
    assert sum(count.rows for count in counts) == 2 * VISITORS
    numbers = [count.numbers for count in counts if count.numbers]
    assert (min(one.lowest for one in numbers), max(one.highest for one in numbers)) == (-0.5, VISITORS - 1.5)
    assert sum(one.total for one in numbers) == 2 * sum(visitor - 1.5 for visitor in range(1, VISITORS + 1))


def test_one_number_alone_is_refused(read: Read, folder: Path) -> None:
    assert refused(read, SQL.replace(", returned", ", 7.25 AS returned"), toml=NUMBERS) == (
        "label 'returned' of model 'visits' is 7.25 in all 28 rows of split 'train': from one number nothing can be learnt; "
        "check source.sql and --through"
    )
    assert not folder.exists()


def test_a_split_without_rows_is_refused(read: Read) -> None:
    assert refused(read, f"{SQL} AND visitor IN (1, 2)") == (
        "split 'train' of model 'visits' has no rows: widen the window or change [split] in model.toml"
    )


def test_a_span_that_nobody_asked_for_is_refused(read: Read) -> None:
    sentence = refused(read, SQL.replace("day IN UNNEST(@spans)", "day BETWEEN @first_partition AND @last_partition"))
    assert sentence == "source.sql of model 'visits' gives span 2026-03-03, which was not asked for: use @spans"


@pytest.mark.parametrize(("condition", "span"), [("day = @spans[OFFSET(0)]", "2026-03-05"), ("FALSE", "2026-03-04")])
def test_a_span_without_rows_is_refused(read: Read, condition: str, span: str) -> None:
    assert refused(read, f"{SQL} AND {condition}") == (
        f"source.sql of model 'visits' gives no rows for span {span}: the window is empty; check the source and --through"
    )


def test_a_span_without_rows_is_empty_if_its_days_are_closed(read: Read, folder: Path) -> None:
    sql = f"{SQL} AND day = @spans[OFFSET(0)]"
    counts = read(sql, toml={"[split]": "[checks]\nclosed = [2026-03-05]\n[split]"})
    assert {count.span for count in counts} == {day(4)}
    assert {name: len(rows) for name, rows in read_split(folder, "train").items()} == {"20260304": counts[0].rows}


def test_an_error_while_the_query_runs_is_told(read: Read) -> None:
    sentence = refused(read, SQL.replace("pages,", "CAST(device AS INT64) AS pages,"))
    assert sentence.startswith("rows of model 'visits' from perennial-test.site_")
    assert "Bad int64 value: phone" in sentence
    assert sentence.endswith("; correct source.sql, or run the same command again")
