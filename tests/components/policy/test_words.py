"""The section [continuous] as it is read, refused, and told in words."""

from pathlib import Path

import pytest

from components.errors import ModelFolderError
from components.model.continuous_section import ContinuousSection
from components.model.folder import read_model
from components.policy.words import lacking_targets, policy_in_words
from tests.components.visits import TOML, write_model

CONTINUOUS = """
[continuous]
triggers = ["new_partition", "schedule", "alarm", "code", "person"]
time_zone = "Europe/Berlin"
settle_days = 2
least_new_rows = 10000
cooldown_hours = 12
quiet_hours = ["08:00", "18:00"]
runs_a_day = 2
training_seconds_a_day = 7200
bytes_a_day = 5000000000

[continuous.schedule]
every_days = 7
at = "05:00"
first = 2026-01-05

[continuous.deploy]
staging = "at once"
prod = "after approval"
"""
WORDS = (
    "visits is trained when labels of a new span are known, or a partition was rewritten after it was trained on",
    "visits is trained every 7 days from 2026-01-05 on at 05:00 (Europe/Berlin)",
    "visits is trained when an alarm opens that training mends: the world has changed, or hours were missing from the training data",
    "visits is trained when the code of model or environment changes",
    "visits is trained when somebody asks for it with `perennial request`",
    "it is never trained while an alarm says that the source is broken",
    "an alarm about the service or a bad version is no reason to train",
    "an alarm of unknown cause is no reason to train",
    "nothing is trained on the last 2 days of the source, which may still grow",
    "new partitions and the schedule wait for 10,000 new rows with labels",
    "a new span waits until a new version would gain 0.1 of its metric for a day, by what `perennial staleness` has measured",
    "it is measured once for each new version before the next span is judged",
    "trainings begin at least 12 hours apart; a reason that comes earlier waits and is not lost",
    "no training starts between 08:00 and 18:00 (Europe/Berlin)",
    "who asks in person waits for neither",
    "at most 2 trainings start a day, one at a time",
    "trainings read at most 5,000,000,000 bytes of BigQuery a day, by a dry run before each",
    "trainings take at most 7,200 seconds a day",
    "a training that has not ended after 24 hours is ended",
    "a training that fails is tried up to 3 times for the same reason",
    "a good version goes to prod when somebody approves it with `perennial approve`",
    "a good version goes to staging at once",
    (
        "if an alarm says within 8 days (7, and 1 until labels are known) that such a version is bad, it is rolled back, and the next one "
        "waits for approval"
    ),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path)


def test_a_policy_is_told_in_words(folder: Path) -> None:
    (folder / "model.toml").write_text(TOML.replace("TABLE", "site.visits") + CONTINUOUS)
    model = read_model(folder.parent, "visits")
    assert policy_in_words("visits", model.continuous, model.rows.label_delay_days) == WORDS


def test_one_of_something_is_told_as_one_and_nobody_is_named_who_may_not_ask() -> None:
    odd = {"runs_a_day": 1, "training_hours": 1, "cooldown_hours": 1, "least_new_rows": 1, "bytes_a_day": 1, "training_seconds_a_day": 1}
    deploy = {"deploy": {"prod": "as a canary"}, "canary_shares": (1,), "step_days": 2, "probation_days": 1}
    words = policy_in_words("visits", ContinuousSection.model_validate({"triggers": ("code",), **odd, **deploy}))
    assert set(words) >= {
        "new partitions and the schedule wait for 1 new row with labels",
        "trainings begin at least 1 hour apart; a reason that comes earlier waits and is not lost",
        "at most one training starts a day",
        "trainings read at most 1 byte of BigQuery a day, by a dry run before each",
        "trainings take at most 1 second a day",
        "a training that has not ended after 1 hour is ended",
        "if an alarm says within 1 day that such a version is bad, it is rolled back, and the next one waits for approval",
    }
    known = "what a canary was asked, and what it refused, is known at once, and how good its answers were once labels are known"
    policy = ContinuousSection.model_validate({"triggers": ("code",), **deploy})
    assert f"{known}, 30 days later" in policy_in_words("visits", policy, 30)
    assert any("answers 1 % of the keys, for 2 days of measured predictions, and is held" in sentence for sentence in words)
    assert "who asks in person waits for neither" not in words


def test_a_model_without_the_section_is_left_alone(folder: Path) -> None:
    (sentence,) = policy_in_words("visits", read_model(folder.parent, "visits").continuous)
    assert sentence == "visits is trained only when somebody runs `perennial train visits`: its model.toml has no section [continuous]"


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        (
            '[continuous.schedule]\nevery_days = 7\nat = "05:00"\nfirst = 2026-01-05\n',
            "",
            "continuous.schedule is missing: a schedule needs both",
        ),
        ('"schedule", ', "", '"schedule" is not one of continuous.triggers: a schedule needs both'),
        ('"Europe/Berlin"', '"Mars/Olympus"', "'Mars/Olympus' is no time zone: write one of the tz database, such as Europe/Berlin"),
        ('"18:00"]', '"08:00"]', "continuous.quiet_hours begin and end at 08:00: leave them out, or give two times"),
        ('"05:00"', '"05:00Z"', "05:00:00+00:00 names a time zone: continuous.time_zone does"),
        ('"alarm", ', '"alarm", "alarm", ', "has a name twice: name each once"),
        ('"alarm", ', '"storm", ', "Input should be 'new_partition', 'schedule', 'alarm', 'code' or 'person'"),
        ('"at once"', '"soon"', "Input should be 'at once', 'after approval', 'as a canary', 'shadow first' or 'never'"),
        ("runs_a_day = 2", "runs_an_hour = 2", "runs_an_hour"),
    ],
)
def test_what_contradicts_itself_is_refused_in_a_sentence(folder: Path, old: str, new: str, refusal: str) -> None:
    assert old in CONTINUOUS
    (folder / "model.toml").write_text(TOML.replace("TABLE", "site.visits") + CONTINUOUS.replace(old, new))
    with pytest.raises(ModelFolderError) as refused:
        read_model(folder.parent, "visits")
    assert refusal in str(refused.value)


@pytest.mark.parametrize(
    ("deploy", "lacking"),
    [
        ({"prod": "at once", "shop": "never"}, []),
        ({"prod": "as a canary", "staging": "shadow first"}, ["prod-canary", "staging-shadow"]),
        ({"shop": "after approval"}, ["shop"]),
    ],
)
def test_targets_that_the_settings_lack_are_told_before_anything_is_trained(deploy: dict[str, str], lacking: list[str]) -> None:
    told = lacking_targets(ContinuousSection.model_validate({"deploy": deploy}), ("staging", "prod"))
    remedy = "is none of PERENNIAL_TARGETS: add it, or a version that is to go there waits for approval"
    assert told == tuple(f"{name} {remedy}" for name in lacking)
