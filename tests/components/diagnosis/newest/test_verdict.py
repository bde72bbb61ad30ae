"""The verdict on what was found out, where real versions would be slow to make."""

from collections.abc import Mapping, Sequence

import pytest

from components.diagnosis.metrics import MetricDifference, compare_metrics
from components.diagnosis.newest.metrics_now import worse
from components.diagnosis.newest.verdict import Between, Evidence, Verdict, VerdictKind, decide
from components.diagnosis.newest.version_now import ClassShares, VersionNow
from components.evaluation.metric import Metric
from tests.components.diagnosis.compared import metric

FAULT = "column pages of site.visits is empty in 100% of rows since 2026-03-09 (was 0.2%)"
SHIFT = "feature pages: 30.0% of its values differ"


def shares(**classes: float) -> ClassShares:
    return ClassShares(rows=1000, shares=classes, refused=0.0, mean_score=None)


def version(
    number: int,
    then: float = 0.9,
    now: float | None = 0.9,
    *,
    name: str = "auc",
    predicted: tuple[ClassShares, ClassShares] | None = None,
    problem: str | None = None,
) -> VersionNow:
    differences = () if now is None else compare_metrics([metric(then, name=name)], [metric(now, name=name)])
    was, today = predicted or (shares(no=0.5, yes=0.5), shares(no=0.52, yes=0.48))
    return VersionNow(name=f"version {number}", number=number, then=was, now=today, differences=differences, problem=problem)


def verdict(
    *versions: VersionNow,
    fault: str | None = None,
    shift: str | None = SHIFT,
    same_rows: Sequence[Metric] = (),
    broken: Mapping[str, str] | None = None,
) -> Verdict:
    newer_worse: tuple[MetricDifference, ...] = ()
    if same_rows:
        newer_worse = worse(compare_metrics([same_rows[0]], [same_rows[1]]))
    is_judged = any(one.differences for one in versions)
    evidence = Evidence(
        versions=versions,
        newer_worse=newer_worse,
        older_worse=(),
        fault=fault,
        shift=shift,
        between=Between(difference="the code", broken=broken or {}),
        is_judged=is_judged,
        on_same_rows=bool(same_rows),
    )
    return decide(evidence)


COLLAPSED = shares(no=0.35, yes=0.65), shares(no=1.0, yes=0.0)


def test_both_predict_one_class_before_a_label_is_known_and_a_column_died() -> None:
    found = verdict(version(1, now=None, predicted=COLLAPSED), version(2, now=None, predicted=COLLAPSED), fault=FAULT)
    assert found.kind == VerdictKind.SOURCE
    told = "predicts no for 100% of today's rows (was 35.0%)"
    assert found.sentence == (
        f"the source, not the model: {FAULT}; rolling back to version 1 does not help: it is just as wrong today "
        f"(version 1: {told} and version 2: {told})"
    )


def test_predictions_that_moved_without_a_fault_and_without_labels_are_not_judged() -> None:
    found = verdict(version(1, now=None, predicted=COLLAPSED), version(2, now=None, predicted=COLLAPSED))
    assert (found.kind, found.rollback_helps) == (VerdictKind.UNKNOWN, None)
    assert found.sentence.startswith("not known: predictions moved, and their labels are not known yet (version 1: predicts no for 100%")


def test_a_fault_that_no_version_feels_yet_is_told() -> None:
    found = verdict(version(1), version(2), fault=FAULT)
    assert (found.kind, found.cause, found.rollback_helps, found.is_healthy) == (VerdictKind.SOURCE, FAULT, False, False)
    assert found.sentence == (
        f"the source, not the model: {FAULT}; it is not felt yet (version 1: auc 0.9000 → 0.9000 and version 2: auc 0.9000 → 0.9000), "
        "mend it before it is"
    )


def test_broken_training_data_are_told_where_no_metric_feels_them() -> None:
    found = verdict(version(1), version(2), broken={"version 2": "column pages: 14.0% of its values are text"})
    assert (found.kind, found.is_healthy) == (VerdictKind.TRAINING, False)
    assert found.cause == "column pages: 14.0% of its values are text"
    assert found.sentence.startswith("the training data of version 2: column pages: 14.0% of its values are text; it is not felt")
    assert "nothing is wrong" not in found.sentence


@pytest.mark.parametrize(
    ("fault", "kind", "begins"),
    [
        (
            None,
            VerdictKind.UNKNOWN,
            "not known: version 2 is worse on the newest rows than when it was made, and version 1 is not; on the same ",
        ),
        (
            FAULT,
            VerdictKind.SOURCE,
            f"the source, not the model: {FAULT}; on the same rows version 2 is as good as version 1: rolling back ",
        ),
    ],
)
def test_a_version_that_fell_alone_and_is_no_worse_on_the_same_rows_is_no_reason_to_roll_back(
    fault: str | None, kind: VerdictKind, begins: str
) -> None:
    found = verdict(version(1, then=0.85, now=0.84), version(2, then=0.9, now=0.84), same_rows=(metric(0.84), metric(0.84)), fault=fault)
    assert (found.kind, found.rollback_helps) == (kind, False)
    assert found.sentence.startswith(begins)
    assert "not felt" not in found.sentence


@pytest.mark.parametrize(
    ("broken", "kind", "begins"),
    [
        ({}, VerdictKind.NOTHING, "nothing is wrong with version 2 on the newest data: on the same rows version 2 is as good as version 1"),
        (
            {"version 2": "pages times 100"},
            VerdictKind.TRAINING,
            "the training data of version 2: pages times 100; on the same rows version 2",
        ),
        (
            {"version 1": "pages times 100"},
            VerdictKind.OLDER,
            "nothing is wrong with version 2; do not roll back to version 1, which was tr",
        ),
    ],
)
def test_an_older_version_that_fell_to_where_the_newer_one_is_was_not_left_behind(
    broken: Mapping[str, str], kind: VerdictKind, begins: str
) -> None:
    fell = version(1, then=0.9, now=0.84), version(2, then=0.85, now=0.84)
    found = verdict(*fell, same_rows=(metric(0.84), metric(0.84)), broken=broken)
    assert (found.kind, found.rollback_helps) == (kind, False)
    assert found.sentence.startswith(begins)


def test_what_a_version_predicted_on_broken_rows_is_no_measure_of_what_it_predicts() -> None:
    found = verdict(version(1, predicted=COLLAPSED), version(2, predicted=COLLAPSED), broken={"version 2": "column pages: times 100"})
    assert found.kind == VerdictKind.TRAINING
    assert "predicts" not in found.sentence


MENDED = {"version 1": "column pages of site.visits: 14.0% of its values are text in the data of version 1"}


def test_a_version_that_was_trained_on_broken_data_is_nothing_to_roll_back_to() -> None:
    found = verdict(version(1), version(2), broken=MENDED)
    assert (found.kind, found.is_healthy, found.rollback_helps, found.cause) == (VerdictKind.OLDER, True, False, None)
    told = f"nothing is wrong with version 2; do not roll back to version 1, which was trained on broken data: {MENDED['version 1']} ("
    assert found.sentence.startswith(told)
    worse = verdict(version(1, now=0.7), version(2), broken=MENDED)
    assert worse.sentence.endswith(f"and was trained on broken data: {MENDED['version 1']}")


def test_versions_that_are_wrong_because_all_were_trained_on_broken_data_are_to_be_trained_again() -> None:
    found = verdict(version(1, now=0.7), broken=MENDED)
    assert (found.kind, found.cause) == (VerdictKind.TRAINING, MENDED["version 1"])
    assert found.sentence.endswith("train again on good data")
    assert "the world moved" not in found.sentence


def test_a_newer_version_that_was_bad_from_the_beginning_is_found_on_the_same_rows() -> None:
    found = verdict(version(1), version(2, then=0.6, now=0.6), same_rows=(metric(0.9), metric(0.6)))
    assert (found.kind, found.rollback_helps) == (VerdictKind.MODEL, True)
    assert "; auc on the same rows 0.6000, and 0.9000 by version 1)" in found.sentence


def test_a_newer_version_that_died_with_the_source_is_not_saved_by_an_older_one_that_did_too() -> None:
    found = verdict(version(1, now=0.7), version(2, now=0.6), same_rows=(metric(0.7), metric(0.6)), fault=FAULT)
    assert found.kind == VerdictKind.SOURCE


def test_versions_that_cannot_be_asked_are_not_judged() -> None:
    found = verdict(version(1, problem="version 1 cannot be read"), version(2, problem="version 2 cannot be read"))
    assert found.sentence == "not known: version 1 cannot be read; version 2 cannot be read"
    newer = verdict(version(1), version(2, problem="version 2 cannot be read"))
    assert (newer.kind, newer.rollback_helps) == (VerdictKind.MODEL, True)


@pytest.mark.parametrize(
    ("name", "then", "now", "is_worse"),
    [
        ("auc", 0.9, 0.85, True),
        ("auc", 0.9, 0.885, False),  # more than chance has it, and too little to matter
        ("auc", 0.9, 0.95, False),
        ("macro_f1", 0.9, 0.85, True),
        ("precision", 0.9, 0.5, False),  # may fall while recall rises
        ("calibration", 1.0, 1.1, True),
        ("calibration", 0.9, 1.05, False),
        ("root_mean_squared_error", 10.0, 10.6, True),
        ("root_mean_squared_error", 10.0, 10.4, False),
        ("mean_absolute_error", 10.0, 9.0, False),
        ("mean_squared_error", 100.0, 104.0, False),  # 2 % more of its root
        ("mean_squared_error", 100.0, 110.0, False),  # its root tells
    ],
)
def test_worse_is_what_falls_by_more_than_chance_and_enough_to_matter(name: str, then: float, now: float, is_worse: bool) -> None:
    found = version(1, then, now, name=name)
    narrow = [metric(then, name=name, half=0.001)], [metric(now, name=name, half=0.001)]
    found = VersionNow(name="version 1", number=1, differences=compare_metrics(*narrow))
    assert bool(found.worse) == is_worse


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        (shares(no=0.9, yes=0.1), shares(no=1.0, yes=0.0), True),  # a class is gone
        (shares(no=0.97, yes=0.03), shares(no=1.0, yes=0.0), False),  # it was rare
        (shares(a=0.5, b=0.5), shares(a=0.75, b=0.25), True),
        (shares(a=0.5, b=0.5), shares(a=0.65, b=0.35), False),
    ],
)
def test_predictions_have_collapsed_where_a_common_class_is_gone_or_many_rows_moved(
    then: ClassShares, now: ClassShares, expected: bool
) -> None:
    found = verdict(version(1, predicted=(then, now)))
    assert (found.kind == VerdictKind.NOTHING) == (not expected)
