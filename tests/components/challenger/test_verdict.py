"""A challenger that serves as a shadow or a canary is judged on the rows that were served, by the labels that are known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.cloud import bigquery

from components.challenger.betting import judge
from components.challenger.verdict import ServedComparison, ServedRange, _matched, compare_served
from components.errors import RegistryError, SourceError
from components.policy.rollout import ChallengerVerdict
from components.registry.history import read_version
from components.settings import Settings
from components.storage.manifest import CODE
from tests.components.monitoring.served import TARGET, VISITORS, Served, served, served_numbers, visits  # noqa: F401
from tests.components.visits import day
from tests.pipelines.command_line import CommandLine

Row = dict[str, Any]


def blurred(row: Row) -> Row:
    """Wrong twice as often, and as sure."""
    return row | {"score": 1 - row["score"] if row["visitor"] % 3 == 0 else row["score"]}


def compared(one: Served, live: int, challenger: int, last: int, through: int) -> ServedComparison:
    with one.engine.connect() as connection:
        before, after = (read_version(connection, one.model.name, number) for number in (live, challenger))
    return compare_served(
        one.site.cloud, one.model, before, after, ServedRange(target=TARGET, first=day(1), last=day(last), through=day(through))
    )


def own(rows: list[Row], change: Callable[[Row], Row] = dict) -> list[Row]:
    """Visitors of a day of their own, and their answers."""
    number = int(rows[0]["day"][-2:])
    return [change(row) | {"visitor": 1000 * number + row["visitor"]} for row in rows]


def test_a_shadow_is_judged_on_the_same_rows_and_each_key_by_its_first_day(served: Served) -> None:  # noqa: F811
    second = served.register()
    for number in range(1, 5):
        rows, shadow = own(visits(number)), own(visits(number), blurred)
        if number == 4:
            rows, shadow = (
                [row | {"visitor": row["visitor"] - 1000} for row in rows],
                [row | {"visitor": row["visitor"] - 1000} for row in shadow],
            )
        request = served.serve(rows)
        served.serve(shadow, version=second, role="shadow", request_id=request)
        served.label(number, rows)
    found = compared(served, 1, second, last=4, through=4)
    assert found.settled == (day(1), day(3)), "day 4 is not settled yet"
    assert (found.is_paired, found.rows, found.judgement.keys) == (True, 3 * VISITORS, 3 * VISITORS)
    live = [(row["score"] - row["returned"]) ** 2 for number in range(1, 4) for row in visits(number)]
    assert found.judgement.live_loss == pytest.approx(sum(live) / len(live), rel=1e-5)
    assert (found.judgement.verdict, found.judgement.challenger_loss > found.judgement.live_loss) == (ChallengerVerdict.WORSE, True)
    assert compared(served, second, 1, last=3, through=4).judgement.verdict is ChallengerVerdict.BETTER
    later = compared(served, 1, second, last=4, through=5)
    assert (later.settled, later.judgement) == ((day(1), day(4)), found.judgement), "the keys of day 4 are known from day 3"


def test_a_canary_is_judged_by_other_keys_than_the_live_version(served: Served) -> None:  # noqa: F811
    second = served.register()
    for number in (1, 2):
        rows = own(visits(number))
        is_canarys = [row["visitor"] % 4 == 0 for row in rows]
        served.serve([row for row, is_one in zip(rows, is_canarys, strict=True) if not is_one])
        served.serve([row for row, is_one in zip(rows, is_canarys, strict=True) if is_one], version=second, role="canary")
        served.label(number, rows)
    found = compared(served, 1, second, last=2, through=3)
    assert (found.is_paired, found.judgement.keys) == (False, 2 * VISITORS // 4)


def asked_apart(seed: int, challengers_extra: float) -> list[bigquery.Row]:
    """Twenty days of keys, of which a canary answers one in twenty. From the third day on the world is harder for both."""
    rng, fields = np.random.default_rng(seed), {"day": 0, "version": 1, "loss": 2}
    rows = []
    for number in range(1, 21):
        for version, keys in ((1, 380), (2, 20)):
            low = (0.05 if number < 3 else 0.15) + (challengers_extra if version == 2 else 0.0)
            rows += [bigquery.Row((day(number), version, loss), fields) for loss in rng.uniform(low, low + 0.2, keys)]
    return rows


@pytest.mark.parametrize(
    ("extra", "verdict", "least", "most"),
    [
        (0.0, ChallengerVerdict.WORSE, 0, 1),
        (0.0, ChallengerVerdict.BETTER, 0, 1),
        (0.1, ChallengerVerdict.WORSE, 19, 20),
        (-0.05, ChallengerVerdict.BETTER, 19, 20),
    ],
    ids=["as good is not worse", "nor better", "a worse one is found", "and so is a better one"],
)
def test_a_canary_is_not_to_blame_for_days_that_are_harder(extra: float, verdict: ChallengerVerdict, least: int, most: int) -> None:
    found = [judge(*_matched(asked_apart(seed, extra), 1, 2)).verdict for seed in range(20)]
    assert least <= found.count(verdict) <= most


def test_a_day_on_which_one_version_alone_was_asked_is_left_out() -> None:
    rows = asked_apart(1, 0.0)
    alone = [row for row in rows if row.version == 1 or row.day > day(2)]
    assert np.array_equal(_matched(alone, 1, 2), _matched([row for row in rows if row.day > day(2)], 1, 2))
    assert _matched([row for row in rows if row.version == 1], 1, 2).shape == (2, 0)


def test_a_number_is_wrong_by_its_error_and_one_that_is_not_finite_wholly(served_numbers: Served) -> None:  # noqa: F811
    one = served_numbers
    one.train({number: visits(number) for number in (1, 2, 3, 4)})
    rows = visits(2)
    request = one.serve([row | {"score": 10.5 * row["returned"] - 7.25} for row in rows], version=2)
    one.serve([row | {"score": float("nan")} for row in rows], version=1, role="shadow", request_id=request)
    found = compared(one, 2, 1, last=2, through=3)
    assert (found.judgement.live_loss, found.judgement.challenger_loss, found.judgement.verdict) == (0, 1, ChallengerVerdict.WORSE)


def test_versions_of_other_quantiles_are_not_compared_whatever_model_toml_has_today(
    served_numbers: Served,  # noqa: F811
    tmp_path: Path,
) -> None:
    one = served_numbers
    written = one.model.text("model.toml")
    plain = one.register(pushed(tmp_path / "plain", written))
    middle, wide = (
        one.register(pushed(tmp_path / f"{number}", written.replace("[rows]", f"[rows]\nquantiles = {quantiles}")))
        for number, quantiles in enumerate(("[0.5]", "[0.1, 0.5, 0.9]"))
    )
    with pytest.raises(
        RegistryError, match=rf"^version {plain} predicts one number and version {wide} predicts the quantiles 0.1, 0.5, 0.9, whose losses"
    ):
        compared(one, plain, wide, last=2, through=3)
    with pytest.raises(RegistryError, match=f"version {middle} predicts the quantiles 0.5 and version {plain} predicts one number"):
        compared(one, middle, plain, last=2, through=3)


def pushed(saved: Path, toml: str) -> Path:
    """What a training pushes, as far as it tells which numbers are predicted."""
    (saved / CODE).mkdir(parents=True)
    (saved / CODE / "model.toml").write_text(toml)
    return saved


def test_what_cannot_be_compared_says_why(served: Served) -> None:  # noqa: F811
    second = served.register()
    served.serve(visits(1))
    served.label(1, visits(1))
    with pytest.raises(RegistryError, match="version 1 is no challenger of itself"):
        compared(served, 1, 1, last=1, through=2)
    with pytest.raises(SourceError, match="no day from 2026-03-01 to 2026-03-01 is settled by 2026-03-01: .* due on 2026-03-02"):
        compared(served, 1, second, last=1, through=1)
    with pytest.raises(
        SourceError, match=f"no rows with a label of both version 1 and version {second} .* serve the challenger as a shadow"
    ):
        compared(served, 1, second, last=1, through=2)


def test_the_command_says_the_verdict_first(served: Served, warm: Settings) -> None:  # noqa: F811
    second, name = served.register(), served.model.name
    request = served.serve(visits(1))
    served.serve(visits(1, blurred), version=second, role="shadow", request_id=request)
    served.label(1, visits(1))
    line = CommandLine(served.site.settings.model_copy(update={"state_folder": warm.state_folder}))
    shown = line.run("compare", name, "1", str(second), "--served", "2026-03-01..2026-03-01", "--target", "local")
    assert shown.stdout.splitlines()[:2] == [
        f"version {second} is worse than version 1",
        "  200 keys, 200 rows, asked the same rows, on 2026-03-01 to 2026-03-01",
    ]
    document = line.json("compare", name, "1", str(second), "--served", "2026-03-01..2026-03-01", "--target", "local")
    assert (document["judgement"]["verdict"], document["is_paired"]) == ("worse", True)
    for wrong in ("2026-03-01", "2026-03-02..2026-03-01"):
        assert line.run("compare", name, "1", "2", "--served", wrong).returncode == 64
    assert line.run("compare", name, "1", "--served", "2026-03-01..2026-03-01").returncode == 64
