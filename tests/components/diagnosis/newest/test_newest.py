"""Versions on the newest data: every verdict, on real tables, SavedModels and TFMA."""

from dataclasses import replace

import pytest
from google.cloud import bigquery

from components.diagnosis.metrics import Significance
from components.diagnosis.newest.verdict import VerdictKind
from components.errors import SourceError
from components.registry.history import read_version
from components.storage.objects import split_uri
from tests.components.diagnosis.newest.shop import DIED, STRICT_SQL, TODAY, TRAINED, Shop
from tests.components.visits import COLUMNS, day

AS_TEXT = tuple(bigquery.SchemaField(c.name, "STRING" if c.name == "pages" else c.field_type) for c in COLUMNS)
WITHOUT_PAGES = tuple(column for column in COLUMNS if column.name != "pages")


def empty_pages(row: dict[str, object]) -> dict[str, object]:
    return {**row, "pages": None}


def turn_label(row: dict[str, object]) -> dict[str, object]:
    return {**row, "returned": 1 - int(str(row["returned"]))}


def test_a_dead_column_makes_every_version_predict_one_class_and_rolling_back_does_not_help(shop: Shop) -> None:
    shop.classes = 3
    shop.load(1, DIED - 1)
    one, other = shop.put_version(), shop.put_version()
    shop.load(DIED, TODAY, empty_pages)
    found = shop.look(other, one)
    assert found.verdict.kind == VerdictKind.SOURCE
    assert found.verdict.cause == f"column pages of {shop.site.table} is empty in 100% of rows since 2026-03-09 (was 0%)"
    assert found.verdict.sentence.startswith(
        f"the source, not the model: {found.verdict.cause}; rolling back to version 1 does not help: it is just as wrong today (version 1: "
    )
    assert "predicts few for 100% of today's rows (was 3" in found.verdict.sentence
    assert found.verdict.rollback_helps is False
    now = found.versions[1].now
    assert now is not None
    assert now.shares == {"few": 1.0, "some": 0.0, "many": 0.0}
    assert {"accuracy", "macro_auc"} <= {metric.name for metric in found.versions[1].worse}
    assert found.side_by_side is not None
    assert (found.side_by_side.agreement, found.side_by_side.rows) == (1.0, 400)


def test_nothing_is_wrong_where_both_are_as_good_as_they_were(shop: Shop) -> None:
    shop.load(1, TODAY)
    one, other = shop.put_version(), shop.put_version()
    found = shop.look(one, other)
    assert found.verdict.kind == VerdictKind.NOTHING
    assert found.verdict.sentence.startswith(
        "nothing is wrong with either version 1 or version 2 on the newest data (version 1: auc 0.9700 → "
    )
    assert found.data is not None
    assert (found.data.judged, found.data.then, found.data.through) == ((day(14), day(15)), day(5), day(16))
    assert found.data.fault is None
    measured = {one.name: one for one in found.versions[0].differences if not one.slice}
    assert measured["auc"].after is not None
    assert measured["auc"].after.value == 1.0
    assert {one.slice["device"] for one in found.versions[0].differences if one.slice} == {"phone", "desk"}


def test_a_wrong_model_is_told_from_a_good_one_and_rolling_back_helps(shop: Shop) -> None:
    shop.load(1, TODAY)
    good, wrong = shop.put_version(), shop.put_version(turned=True)
    found = shop.look(good, wrong)
    assert (found.verdict.kind, found.verdict.rollback_helps) == (VerdictKind.MODEL, True)
    assert found.verdict.sentence.startswith("the model: rolling back to version 1 helps, it is as good today as it was")
    assert found.verdict.sentence.endswith("; they differ in this: Likely culprit: the code, network.py")
    assert found.side_by_side is not None
    assert found.side_by_side.agreement < 0.2
    assert found.side_by_side.score_difference is not None
    assert {tuple(one.slice.items()) for one in found.side_by_side.slices} == {(("device", "phone"),), (("device", "desk"),)}
    on_same_rows = {one.name: one for one in found.on_same_rows if not one.slice}
    assert on_same_rows["auc"].significance == Significance.SIGNIFICANT
    turned = shop.look(wrong)
    assert turned.verdict.kind == VerdictKind.WORLD
    assert turned.verdict.rollback_helps is None


def test_an_older_version_that_is_worse_is_not_gone_back_to(shop: Shop) -> None:
    shop.load(1, TODAY)
    wrong, good = shop.put_version(turned=True), shop.put_version()
    found = shop.look(wrong, good)
    assert (found.verdict.kind, found.verdict.rollback_helps) == (VerdictKind.OLDER, False)
    assert "do not roll back to version 1, which is worse today (version 1: auc 0.9700 → 0" in found.verdict.sentence


def test_where_the_world_changed_and_no_column_broke_a_new_training_helps(shop: Shop) -> None:
    shop.load(1, DIED - 1)
    one, other = shop.put_version(), shop.put_version()
    shop.load(DIED, TODAY, turn_label)
    found = shop.look(one, other)
    assert (found.verdict.kind, found.verdict.rollback_helps) == (VerdictKind.WORLD, False)
    assert found.verdict.sentence.startswith("the data moved on, and nothing in the source broke: ")
    assert "; train on newer data, rolling back to version 1 does not help" in found.verdict.sentence


def test_where_no_labels_are_newer_the_predictions_say_what_they_can(shop: Shop) -> None:
    shop.load(1, TODAY)
    number = shop.put_version()
    found = shop.look(number, through=day(TRAINED))
    assert found.verdict.sentence.startswith(
        "nothing is seen to be wrong with version 1, though no newer labels are known: predictions are as"
    )
    assert found.versions[0].differences == ()
    assert any(note.startswith("every labelled span of the newest window is what version 1 was trained on") for note in found.notes)
    assert [text for text in shop.told if "measured" in text] == []
    with pytest.raises(SourceError, match="--through 2026-03-17 is outside site_.*, which has partitions 2026-03-01 to 2026-03-16: choose"):
        shop.look(number, through=day(TODAY + 1))


def test_a_source_that_broke_before_the_newer_version_was_trained_is_found_as_well(shop: Shop) -> None:
    shop.load(1, DIED - 1)
    good = shop.put_version()
    shop.load(DIED, TODAY, empty_pages)
    learned_from_it = shop.put_version(measured=0.5, through=TODAY)
    found = shop.look(good, learned_from_it)
    assert found.verdict.kind == VerdictKind.SOURCE
    assert found.verdict.sentence.startswith(
        f"the source, not the model: column pages of {shop.site.table} is empty in 100% of rows since 2026-03-09"
    )
    assert any("is what version 2 was trained on: both are measured on the rows of it that training leaves out" in n for n in found.notes)


def test_rows_that_the_models_refuse_are_a_fault_of_the_source(shop: Shop) -> None:
    shop.load(1, DIED - 1)
    one, other = shop.put_version(sql=STRICT_SQL), shop.put_version(sql=STRICT_SQL)
    shop.load(DIED, TODAY, empty_pages)
    found = shop.look(one, other)
    assert found.verdict.kind == VerdictKind.SOURCE
    assert "(version 1: refuses 100% of today's rows and version 2: refuses 100% of today's rows)" in found.verdict.sentence
    assert any("Feature: pages (data type: int64) is required but could not be found" in note for note in found.notes)


def test_a_version_that_was_trained_on_what_was_broken_and_is_mended_is_told_as_that_and_the_source_is_not(shop: Shop) -> None:
    shop.recreate(COLUMNS, lambda row: {**row, "seconds": 1000 * float(str(row["seconds"]))})
    bad = shop.put_version()
    shop.recreate(COLUMNS, lambda row: row)
    mended = shop.put_version(through=TODAY)
    alone = shop.look(bad, through=day(TODAY))
    cause = f"column seconds of {shop.site.table}: 100% of its values differ: mean "
    assert (alone.verdict.kind, alone.data.fault if alone.data else "") == (VerdictKind.TRAINING, None)
    assert alone.verdict.sentence.startswith(f"the training data of version 1: {cause}")
    assert "1,000 times larger: another unit?), in the data of version 1, and is not in data through" in alone.verdict.sentence
    both = shop.look(bad, mended)
    assert (both.verdict.kind, both.verdict.rollback_helps) == (VerdictKind.OLDER, False)
    assert both.verdict.sentence.startswith(
        f"nothing is wrong with version 2; do not roll back to version 1, which was trained on broken data: {cause}"
    )


@pytest.mark.parametrize(
    ("columns", "cause"),
    [(WITHOUT_PAGES, "column pages of {table} is gone"), (AS_TEXT, "column pages of {table} was INTEGER and is STRING")],
)
def test_a_source_that_source_sql_cannot_read_any_more_is_named_with_its_column(
    shop: Shop, columns: tuple[bigquery.SchemaField, ...], cause: str
) -> None:
    shop.load(1, TRAINED)
    one, other = shop.put_version(), shop.put_version()
    names = {column.name for column in columns}
    texts = {"pages"} if columns is AS_TEXT else set()
    shop.recreate(columns, lambda row: {name: str(value) if name in texts else value for name, value in row.items() if name in names})
    found = shop.look(one, other)
    assert found.verdict.kind == VerdictKind.SOURCE
    assert found.verdict.sentence.startswith(f"the source, not the model: {cause.format(table=shop.site.table)}")
    assert found.verdict.sentence.endswith("rolling back to version 1 does not help: it cannot be fed either")


def test_a_table_that_is_gone_is_the_source(shop: Shop) -> None:
    shop.load(1, TRAINED)
    number = shop.put_version()
    shop.site.client.delete_table(shop.site.name)
    found = shop.look(number)
    assert found.verdict.sentence.startswith(f"the source, not the model: source table {shop.site.name} of model")
    assert found.data is None


def test_a_version_that_cannot_be_pulled_is_not_gone_back_to_and_one_that_was_is_not_pulled_again(shop: Shop) -> None:
    shop.load(1, TODAY)
    lost, good = shop.put_version(), shop.put_version()
    with shop.cloud.engine.connect() as connection:
        manifest = read_version(connection, shop.name, lost).manifest
    bucket, prefix = split_uri(manifest.uri)
    objects = shop.cloud.storage.bucket(bucket)
    objects.blob(f"{prefix}/saved_model.pb").delete()
    for version in objects.client.list_blobs(bucket, prefix=f"{prefix}/saved_model.pb", versions=True):
        version.delete()
    found = shop.look(lost, good, through=day(TRAINED))
    assert found.verdict.kind == VerdictKind.OLDER
    assert "which is worse today (version 1 cannot be read: saved_model.pb is missing" in found.verdict.sentence
    deaf = replace(shop, cloud=shop.cloud, told=[])
    with shop.cloud.engine.connect() as connection:
        kept = read_version(connection, shop.name, good).manifest
    for blob in list(objects.client.list_blobs(bucket, prefix=f"{split_uri(kept.uri)[1]}/")):
        blob.delete()
    assert deaf.look(good, through=day(TRAINED)).verdict.kind == VerdictKind.NOTHING
