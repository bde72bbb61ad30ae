"""The page of a comparison: it names the culprit, shows both sides and the newest data, and stays whole whatever the values are."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from components.comparison.compare import DataComparison, Side, compare_profiles
from components.diagnosis.code import FileDifference
from components.diagnosis.metrics import MetricDifference, Significance, compare_metrics
from components.diagnosis.newest.newest import Newest, NewestData
from components.diagnosis.newest.predictions import SideBySide, SliceMove
from components.diagnosis.newest.verdict import Verdict, VerdictKind
from components.diagnosis.newest.version_now import ClassShares, VersionNow
from components.diagnosis.page import write_data_page, write_newest_page, write_versions_page
from components.diagnosis.versions import FactDifference, VersionComparison, VersionOrRun
from components.model.column_lineage import Lineage
from components.report.palette import CARD_FILL, SOFT
from components.runs.record import RunState
from tests.components.diagnosis.compared import metric
from tests.components.html_page import assert_golden, assert_harmless, section, select, table, words
from tests.components.profiles.profiled import LINEAGE, rows, since, window
from tests.components.registry.finished_runs import recorded
from tests.components.report.browser import DARK_SCREEN, measured, needs_chromium, rgb

HOSTILE = "<script>alert(1)</script>\x00\x1b[31m\u202e" + "x" * 3000
DIFF = "--- network.py\n+++ network.py\n@@ -1 +1 @@\n-EPOCHS = 1\n+EPOCHS = 2"
CULPRIT = (
    "column amount: was FLOAT and is STRING; 12.5% of its values are text that is no number (0% were), such as 'n/a', since 2026-03-24"
)


def compared(before: Side, after: Side) -> DataComparison:
    return compare_profiles(before, after, LINEAGE, partition_field="day")


@pytest.fixture(scope="module")
def data() -> DataComparison:
    """Text in one column's numbers, a new value in another one, and rows by day."""

    def broken(number: int) -> dict[str, list[str]]:
        amounts, devices = rows(number)["amount"], rows(number)["device"]
        assert amounts is not None
        assert devices is not None
        return {
            "amount": ["n/a" if index % 8 == 0 else str(value) for index, value in enumerate(amounts)],
            "device": [f"fax {name}" if index % 2 else str(name) for index, name in enumerate(devices)],
        }

    return compared(window("data before", 0, 20), window("data after", 7, 27, since(22, broken)))


@pytest.fixture(scope="module")
def versions(data: DataComparison) -> VersionComparison:
    before, after = (
        VersionOrRun(name=f"version {n}", run=recorded(RunState.SUCCEEDED), tasks=(), snapshot_id=str(n) * 64, story=None) for n in (1, 2)
    )
    return VersionComparison(
        model="churn",
        before=before,
        after=after,
        data=data,
        notes=("features of version 1 are not compared: source.sql is another one now",),
        metrics=(
            *compare_metrics([metric(0.84)], [metric(0.71)]),
            MetricDifference("recall", {"s": "a"}, None, None, Significance.UNKNOWN),
        ),
        files=(FileDifference("network.py", DIFF),),
        facts=(FactDifference("package", "tensorflow", "2.20.0", None),),
    )


def shares(**classes: float) -> ClassShares:
    return ClassShares(rows=2048, shares=classes, refused=0.0, mean_score=None)


def newest_of(data: DataComparison, text: str = "") -> Newest:
    """Two versions on the newest data, with that text wherever a value can be one."""
    name = text or "newcomer"
    verdict = Verdict(
        kind=VerdictKind.SOURCE, sentence=text or "the source, not the model", rollback_helps=False, cause=text or "pages died"
    )
    moved = SliceMove(
        slice={"recency_band": text or "0-30 days"}, rows=404, agreement=0.918, before={"a": 1.0}, after={"a": 0.918, "b": 0.082}
    )
    steady = SliceMove(slice={"recency_band": "old"}, rows=40, agreement=1.0, before={}, after={})
    worse = compare_metrics([metric(0.78, half=0.03, name=text or "macro_f1")], [metric(0.17, half=0.015, name=text or "macro_f1")])
    predicted = {"then": shares(**{name: 0.34, "regular": 0.66}), "now": shares(**{name: 1.0, "regular": 0.0})}
    return Newest(
        verdict=verdict,
        versions=(
            VersionNow(name="version 1", number=1, then=predicted["then"], now=replace(predicted["now"], refused=0.25)),
            VersionNow(name=text or "version 2", number=2, **predicted, differences=worse),  # type: ignore[arg-type]
        ),
        data=NewestData(
            through=date(1998, 5, 31),
            judged=(date(1998, 2, 15), date(1998, 2, 22), date(1998, 3, 1)),
            learned=(),
            is_newer=True,
            then=date(1998, 1, 25),
            comparison=data,
            fault=None,
            shift=None,
        ),
        side_by_side=SideBySide(
            rows=1_788,
            agreement=0.949,
            before_classes=(name, "regular"),
            after_classes=(name, "regular"),
            confusion=((700, 7), (29, 640)),
            score_difference=None,
            slices=(moved, steady),
        ),
        on_same_rows=(),
        notes=(text or "20,000 of 23,570 rows of today",),
    )


@pytest.fixture(scope="module")
def newest(data: DataComparison) -> Newest:
    return newest_of(data)


def versions_page(versions: VersionComparison, newest: Newest | None, folder: Path) -> str:
    write_versions_page(versions, newest, folder / "new" / "page.html")
    return (folder / "new" / "page.html").read_text(encoding="utf-8")


def data_page(data: DataComparison, folder: Path, notes: Sequence[str] = ()) -> str:
    write_data_page("churn", data, notes, folder / "page.html")
    return (folder / "page.html").read_text(encoding="utf-8")


def newest_page(newest: Newest, folder: Path) -> str:
    write_newest_page("churn", newest, folder / "page.html")
    return (folder / "page.html").read_text(encoding="utf-8")


def test_the_page_of_two_versions_is_the_golden_one(
    versions: VersionComparison, newest: Newest, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = versions_page(versions, newest, tmp_path)
    assert_golden(page, "comparison.html", request)
    assert_harmless(page)


def test_the_culprit_comes_first_and_then_the_notes(versions: VersionComparison, tmp_path: Path) -> None:
    page = versions_page(versions, None, tmp_path)
    assert words(select(page, ".//header/p")) == "version 1 → version 2"
    said = f"! Likely culprit: {CULPRIT}; it feeds spend, largest {versions.notes[0]}"
    assert words(select(page, ".//section[@aria-label='Verdict']")) == said
    assert select(page, ".//section[@aria-label='Verdict']").get("class") == "verdict failed"


def test_differences_show_both_sides(data: DataComparison, tmp_path: Path) -> None:
    page = data_page(data, tmp_path)
    amount, device = table(page, "differences")[:2]
    assert amount[0] == "column amount fault"
    assert amount[4].endswith("feeds spend, largest")
    assert device[0] == "column device"
    assert "fax phone" in device[3]
    assert "new values: fax phone, fax tablet, fax desk feeds channel" in device[4]
    assert page.count("<svg ") == 3
    windows = "partitions 7 (2026-03-23 to 2026-03-29) added, 7 (2026-03-02 to 2026-03-08) vanished, 0 rewritten, 14 the same"
    assert windows in section(page, "windows")
    assert table(page, "columns")[1][:6] == ["amount", "source", "FLOAT STRING", "8,400 2,400", "0% 0%", "0% 12.5%"]


def test_versions_show_metrics_code_and_what_else_made_them(versions: VersionComparison, tmp_path: Path) -> None:
    page = versions_page(versions, None, tmp_path)
    assert table(page, "metrics") == [
        ["auc", "all rows", "0.8400 0.8300 to 0.8500", "0.7100 0.7000 to 0.7200", "significant"],
        ["recall", "s a", "–", "–", "not known"],
    ]
    assert section(page, "code").endswith("-EPOCHS = 1 +EPOCHS = 2")
    assert '<span class="added">+EPOCHS = 2</span>' in page
    assert table(page, "facts") == [["package", "tensorflow", "2.20.0", "absent"]]


def test_what_is_the_same_and_what_cannot_be_compared_is_said(versions: VersionComparison, tmp_path: Path) -> None:
    nothing = compared(Side(name="a", source={}, rows={}), Side(name="b", source={}, rows={}))
    page = versions_page(replace(versions, data=nothing, metrics=(), files=(), facts=(), notes=()), None, tmp_path)
    assert select(page, ".//section[@aria-label='Verdict']").get("class") == "verdict pushed"
    assert section(page, "differences") == "Differences None beyond chance."
    assert section(page, "metrics") == "Metrics Only two versions have metrics to compare."
    assert section(page, "columns") == "Columns No column of both is known."
    assert section(page, "code") == "Code The same in both."
    assert section(page, "facts") == "What else made them Packages, parameters, components and environment are the same."
    assert "<svg" not in page
    assert 'id="code"' not in versions_page(replace(versions, files=None), None, tmp_path)


def test_a_comparison_of_data_alone_has_no_sections_on_versions(data: DataComparison, tmp_path: Path) -> None:
    page = data_page(data, tmp_path)
    for name in ("metrics", "code", "facts", "predictions"):
        assert f'id="{name}"' not in page


def test_the_verdict_stands_first_and_the_newest_data_before_the_differences(
    versions: VersionComparison, newest: Newest, tmp_path: Path
) -> None:
    page = versions_page(versions, newest, tmp_path)
    said = words(select(page, ".//section[@aria-label='Verdict']"))
    assert said.startswith("! Verdict: the source, not the model Likely culprit: pages died ")
    places = [page.index(f'id="{name}"') for name in ("predictions", "then-and-now", "since", "differences")]
    assert places == sorted(places)
    predictions = section(page, "predictions")
    for text in (
        "newcomer 34.0% → 100%",
        "regular 66.0% → 0%",
        "version 1 refuses 25.0% of today's rows",
        "2,048 rows of then, 2,048 of today",
    ):
        assert text in predictions
    assert "94.9% of 1,788 of today's rows get the same class from both." in predictions
    assert table(page, "predictions") == [["newcomer", "700", "7"], ["regular", "29", "640"]]
    assert table(page, "predictions", 1) == [["recency_band 0-30 days", "404", "91.8%", "8.2%"]]
    assert table(page, "then-and-now") == [
        ["macro_f1", "all rows", "–", "–", "", "0.7800 0.7500 to 0.8100", "0.1700 refused 0.1550 to 0.1850", "significant"]
    ]
    assert '<td class="refused">significant</td>' in page
    assert "on the labelled spans 1998-02-15 to 1998-03-01 (3), which the newer version was not trained on" in section(page, "then-and-now")
    assert section(page, "since").startswith("data before → data after What Score How column amount fault")


@pytest.mark.parametrize(
    ("kind", "change", "outcome"),
    [
        (VerdictKind.NOTHING, {"amount": [900.0 + index for index in range(400)]}, "pushed"),
        (VerdictKind.SOURCE, {}, "failed"),
        (VerdictKind.TRAINING, {}, "failed"),
        (VerdictKind.OLDER, {}, "pushed"),
    ],
    ids=["nothing, and a shift", "the source", "the training data", "the older version"],
)
def test_only_what_is_wrong_is_red(
    newest: Newest, kind: VerdictKind, change: dict[str, list[object]], outcome: str, tmp_path: Path
) -> None:
    data = compared(window("before", 0, 20), window("after", 7, 27, since(22, lambda _: change)))
    assert newest.data is not None
    found = replace(newest, verdict=replace(newest.verdict, kind=kind), data=replace(newest.data, comparison=data))
    assert select(newest_page(found, tmp_path), ".//section[@aria-label='Verdict']").get("class") == f"verdict {outcome}"


def test_a_version_on_newest_data_that_cannot_be_read_has_a_page(newest: Newest, tmp_path: Path) -> None:
    verdict = Verdict(kind=VerdictKind.UNKNOWN, sentence="not known: no table", rollback_helps=None)
    unasked = VersionNow(name="version 2", number=2, problem="no table")
    page = newest_page(replace(newest, verdict=verdict, versions=(unasked,), data=None, side_by_side=None, notes=()), tmp_path)
    assert words(select(page, ".//header/p")) == "version 2 → today"
    said = "! Verdict: not known: no table No culprit in the data since version 2 was trained"
    assert words(select(page, ".//section[@aria-label='Verdict']")) == said
    assert "– rows of then, – of today" in section(page, "predictions")
    assert section(page, "then-and-now") == "Metrics then and now Not measured on newer labelled rows: there are none."
    assert section(page, "windows") == "Windows"


def hostile(versions: VersionComparison) -> tuple[VersionComparison, Newest]:
    """The same with a text that means harm wherever a value can be one."""
    names = (HOSTILE, f"{HOSTILE}2")
    lineage = Lineage(names, {HOSTILE: frozenset(names)})
    change = since(22, lambda _: {HOSTILE: [f"{HOSTILE}n"] * 400})
    sides = (window(HOSTILE, 0, 20, lambda _: {HOSTILE: ["a", HOSTILE] * 200}), window(HOSTILE, 7, 27, change))
    data = compare_profiles(*sides, lineage, partition_field="day")
    made = replace(versions.before, name=HOSTILE)
    return (
        VersionComparison(
            model=HOSTILE,
            before=made,
            after=made,
            data=data,
            notes=(HOSTILE,),
            metrics=compare_metrics([metric(0.5, name=HOSTILE, x=HOSTILE)], []),
            files=(FileDifference(HOSTILE, HOSTILE),),
            facts=(FactDifference(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        ),
        newest_of(data, HOSTILE),
    )


def test_hostile_values_are_escaped_and_spelled_out_everywhere(versions: VersionComparison, tmp_path: Path) -> None:
    page = versions_page(*hostile(versions), tmp_path)
    assert_harmless(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x00\\x1b[31m\\u202e" in page


@needs_chromium
def test_hostile_values_neither_run_nor_widen_the_page_and_charts_are_dark_on_a_dark_screen(
    versions: VersionComparison, tmp_path: Path
) -> None:
    seen = measured(versions_page(*hostile(versions), tmp_path), tmp_path, DARK_SCREEN)
    assert (seen["scripted"], seen["overflow"], seen["sticking"]) == (False, 0, 0)
    assert (seen["card"], seen["bar"]) == (rgb(CARD_FILL.dark), rgb(SOFT.dark))
