"""The page of decisions: what was decided, on which facts, by whom, why, and what came of it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from components.decisions.page import write_decisions_page
from components.decisions.record import DecisionClaim, DecisionOutcome, OutcomeKind, RecordedDecision
from components.model.continuous_section import ContinuousSection
from components.policy.decision import PolicyVerdict
from components.policy.reasons import Reason, ReasonKind
from components.report.palette import CARD_FILL
from tests.components.html_page import assert_harmless, section, table
from tests.components.report.browser import DARK_SCREEN, measured, needs_chromium, rgb

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\u202e"
SOURCE = {
    "newest": "2026-02-28",
    "through": "2026-02-27",
    "labelled_through": "2026-02-26",
    "new_rows": 12_345,
    "rewritten": ["2026-02-20"],
}
BROKEN = {"alarm_id": "7", "cause": "broken_source", "sentence": f"column pages is empty {EVIL}"}


def outcome(kind: OutcomeKind, result: str, sentence: str, subject: str = "") -> DecisionOutcome:
    return DecisionOutcome(kind=kind, subject=subject, result=result, sentence=sentence, version=3, actor="watcher", created_at=NOW)


def decision(number: int, verdict: PolicyVerdict, **changes: object) -> RecordedDecision:
    fields: dict[str, object] = {
        "model": "visits",
        "seq": number,
        "rule": "train",
        "reason": f"reason {number}",
        "trigger": None,
        "through": None,
        "target": None,
        "reasons": (Reason(ReasonKind.PARTITION, "partition:1", "why"),),
        "facts": {
            "source": SOURCE,
            "trained": {"version": 2, "span": "2026-02-01"},
            "live": [{"version": 2, "target": "prod"}],
            "alarms": [],
        },
        "policy": ContinuousSection().model_dump(mode="json"),
        "actor": "ada@laptop",
        "created_at": NOW + timedelta(hours=number),
        "claims": (),
        "outcomes": (),
    }
    return RecordedDecision(decision_id=number, verdict=verdict, **fields | changes)  # type: ignore[arg-type]


LOG = [
    decision(4, PolicyVerdict.ROLL_BACK, target="prod", rule="probation", outcomes=(outcome(OutcomeKind.ROLLBACK, "done", "went back"),)),
    decision(3, PolicyVerdict.MEND, rule="broken source", reason=EVIL, facts={"alarms": [BROKEN], "paused": "ada: prices"}),
    decision(
        5,
        PolicyVerdict.MEASURE,
        rule="ageing",
        facts={
            "ageing": {"ages": [1, 30], "losses": [0.0, 0.0125]},
            "code": {"digest": "c0de", "changed": ["model", "environment"]},
            "training_bytes": 12_345,
            "crowded": "another is trained",
        },
        outcomes=(outcome(OutcomeKind.MEASUREMENT, "done", "visits: a version loses 0.0125 of auc a month"),),
    ),
    decision(2, PolicyVerdict.WAIT, rule="cooldown", policy=ContinuousSection(cooldown_hours=9).model_dump(mode="json")),
    decision(
        1,
        PolicyVerdict.TRAIN,
        trigger="partition",
        through=date(2026, 2, 27),
        claims=(DecisionClaim(1, "visits-decision-1-1", "laptop", NOW - timedelta(minutes=1)),),
        outcomes=(
            outcome(OutcomeKind.DEPLOYMENT, "done", "version 3 is live on prod", "prod"),
            outcome(OutcomeKind.APPROVAL, "wanted", "version 3 waits for `perennial approve 1 --target eu`", "eu"),
            outcome(OutcomeKind.TRAINING, "version", "version 3 passed both gates"),
            outcome(OutcomeKind.EFFECT, "better", "auc 0.8 since, and 0.5 before", "prod"),
        ),
    ),
]


def written(folder: Path, decisions: list[RecordedDecision]) -> str:
    write_decisions_page("visits", decisions, folder / "decisions.html")
    return (folder / "decisions.html").read_text()


def test_a_decision_is_told_with_its_facts_its_rule_and_what_came_of_it(tmp_path: Path) -> None:
    page = written(tmp_path, LOG)
    assert_harmless(page)
    log = section(page, "log")
    assert "1 · Train 1 March 2026, 07:00 UTC rule: train data through 2026-02-27 reason 1" in log
    facts = (
        "Source partitions to 2026-02-28, used to 2026-02-27; labels known to 2026-02-26, 12,345 rows of them are new Rewritten 2026-02-20"
    )
    assert f"{facts} Last version version 2, spans to 2026-02-01 Live version 2 on prod Decided by ada@laptop, by policy" in log
    assert (
        "run 1 1 March 2026, 05:59 UTC laptop visits-decision-1-1 deployment done 1 March 2026, 06:00 UTC watcher version 3 is live on prod"
        in log
    )
    assert "effect better 1 March 2026, 06:00 UTC watcher auc 0.8 since, and 0.5 before" in log
    assert "4 · Roll back on prod" in log
    assert "5 · Measure" in log
    worth = "Ageing a version of 30 days loses 0.0125 against one of 1 Code model and environment changed since the last version"
    assert f"{worth} BigQuery a training reads 12,345 bytes at most Room another is trained" in log
    assert "measurement done 1 March 2026, 06:00 UTC watcher visits: a version loses 0.0125 of auc a month" in log
    assert "Alarm 7 broken source: column pages is empty <script>alert(1)</script>\\u202e Paused ada: prices" in log


def test_what_waits_for_a_person_comes_first_and_reasons_are_counted(tmp_path: Path) -> None:
    page = written(tmp_path, LOG)
    assert page.index("version 3 waits for") < page.index("How often each reason was right")
    assert table(page, "right") == [["partition", "1", "1", "–", "–", "–", "–", "1", "–", "–"]]
    assert "Nothing waits for a person" in written(tmp_path, LOG[:3])
    assert section(written(tmp_path, LOG[:3]), "right") == "How often each reason was right no training has ended yet"


def test_another_policy_is_marked_and_the_last_one_told_in_words(tmp_path: Path) -> None:
    page = written(tmp_path, LOG)
    assert section(page, "log").count("changed since the decision before") == 2, "of decision 2, and of the one after it"
    assert "trainings begin at least 6 hours apart" in section(page, "policy")


def test_what_came_of_a_decision_is_told_in_the_order_in_which_it_happened(tmp_path: Path) -> None:
    claims = tuple(DecisionClaim(attempt, f"visits-decision-1-{attempt}", "laptop", NOW + timedelta(hours=attempt)) for attempt in (1, 2))
    deployed = outcome(OutcomeKind.DEPLOYMENT, "done", "version 3 is live on prod", "prod")
    page = written(tmp_path, [decision(1, PolicyVerdict.TRAIN, trigger="alarm", claims=claims, outcomes=(deployed,))])
    log = section(page, "log")
    assert log.index("version 3 is live on prod") < log.index("run 1 1 March 2026, 07:00") < log.index("run 2 1 March 2026, 08:00")


def test_a_training_under_way_says_so(tmp_path: Path) -> None:
    page = written(tmp_path, [decision(1, PolicyVerdict.TRAIN, trigger="alarm", through=date(2026, 2, 27))])
    assert "under way – ada@laptop it is not at its end yet" in section(page, "log")


@needs_chromium
@pytest.mark.parametrize(("options", "card"), [((), CARD_FILL.light), ((DARK_SCREEN,), CARD_FILL.dark)], ids=["light", "dark"])
def test_a_browser_shows_the_page_whole_on_a_phone_and_on_a_dark_screen(tmp_path: Path, options: tuple[str, ...], card: str) -> None:
    found = measured(written(tmp_path, LOG), tmp_path, *options)
    assert (found["title"], found["overflow"], found["sticking"]) == ("Decisions about visits", 0, 0)
    assert (found["last"], found["card"], found["scripted"]) == ("Policy of the last decision", rgb(card), False)
