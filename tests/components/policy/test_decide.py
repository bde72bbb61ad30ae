"""The policy: which facts lead to which decision, and what holds of every decision."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.model.continuous_section import ContinuousSection, ScheduleRule
from components.policy.decide import decide
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import (
    AgeingFact,
    AlarmFact,
    Cause,
    CodeFact,
    Facts,
    LiveFact,
    MeasurementFact,
    RequestFact,
    RunFact,
    SourceFact,
    TrainedFact,
)
from components.policy.reasons import ReasonKind

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SPAN = date(2026, 2, 7)
SOURCE = SourceFact(newest=date(2026, 3, 10), through=date(2026, 3, 9), span=SPAN, labelled_through=date(2026, 3, 9), new_rows=700)
MEASURED = frozenset({"ageing:3"})
QUIET = Facts(model="churn", now=NOW, source=SOURCE, trained=TrainedFact(3, SPAN), code=CodeFact("c0de"), answered=MEASURED)
"""Nothing asks for a training."""
NEW_SPAN = replace(QUIET, trained=TrainedFact(3, SPAN - timedelta(days=7)), ageing=AgeingFact((31, 131), (0.0, 10.0)))
AGEING = AgeingFact((31, 131), (0.0, 0.1))
"""A thousandth a day, from the age on that a version has on the day of its training."""
RUN = RunFact("churn-1", NOW - timedelta(hours=2), 60.0, is_running=False, failed=False)


def alarm(cause: Cause, **changes: Any) -> AlarmFact:
    return replace(AlarmFact("7", cause, "AUC of all rows fell from 0.81 to 0.74"), **changes)


BROKEN = alarm(Cause.BROKEN_SOURCE, column="price", since=date(2026, 3, 2), sentence="62% of price is NULL")
LIVE = LiveFact("prod", 3, NOW - timedelta(days=2), by_policy=True)
PERSON = RequestFact("cli", "1", "ann asks: a look at the new prices")
FELL = "AUC of all rows fell from 0.81 to 0.74"
CHANGED = alarm(Cause.CHANGED_WORLD, since=SPAN - timedelta(days=3), version=3)
NOT_MENDED = "a training for it has not mended it; the next one begins when twice as many days on which it shows have labels"
ROLLING_OUT = "version 4, which is canary at 5 % for prod, is live or held"
PRICE = "column price of the source is broken since 2026-03-02 (alarm 7: 62% of price is NULL)"
MEND = "mend it, or, if it is meant, let the gate find it (`perennial train`) and accept it (`perennial gate accept`)"
LEARN = f"and a version trained now would learn the fault: {MEND}; it trains when the alarm is closed"
ROLLBACK = "look at `perennial rollback churn`"
COMPARE = "look at `perennial compare churn`, or set continuous.train_on_unknown"
COOLDOWN = "and the cooldown is 6 h: not before"
UNMEASURED = replace(NEW_SPAN, answered=frozenset())
UNMEASURED_WORDS = "nobody has measured how far the versions before version 3 fall behind it"
SPAN_KEY, SPAN_WORDS = "partition:2026-02-07", "the labels of span 2026-02-07 are known, and version 3 knows spans up to 2026-01-31"

CASES: Mapping[str, tuple[dict[str, Any], Facts, PolicyVerdict, str, str]] = {
    "nothing new": ({}, QUIET, PolicyVerdict.NOTHING, "no reason", "nothing asks for a training of churn"),
    "a new span": ({}, NEW_SPAN, PolicyVerdict.TRAIN, "train", SPAN_WORDS),
    "the first version": (
        {"least_new_rows": 10_000},
        replace(QUIET, trained=None),
        PolicyVerdict.TRAIN,
        "train",
        "the labels of span 2026-02-07 are known, and there is no version yet",
    ),
    "a new span that nobody wants": (
        {"triggers": ("code",)},
        NEW_SPAN,
        PolicyVerdict.NOTHING,
        "no reason",
        "nothing asks for a training of churn",
    ),
    "a new span that was trained on": (
        {},
        replace(NEW_SPAN, answered=MEASURED | {SPAN_KEY}),
        PolicyVerdict.NOTHING,
        "no reason",
        "nothing asks for a training of churn",
    ),
    "a rewritten partition": (
        {},
        replace(QUIET, source=replace(SOURCE, rewritten=(date(2026, 2, 1), date(2026, 2, 2)), rewritten_id="x")),
        PolicyVerdict.TRAIN,
        "train",
        "partition 2026-02-01 and 1 more were rewritten after version 3 was trained on it",
    ),
    "a source that was written again after a refusal": (
        {"cooldown_hours": 0},
        replace(QUIET, runs=(replace(RUN, refused=True),), source=replace(SOURCE, written_at=NOW - timedelta(hours=1))),
        PolicyVerdict.TRAIN,
        "train",
        "the source was written again at 2026-03-10 11:00 UTC, after a gate had refused run churn-1",
    ),
    "a source that was written before a refusal": (
        {"cooldown_hours": 0},
        replace(QUIET, runs=(replace(RUN, refused=True),), source=replace(SOURCE, written_at=NOW - timedelta(hours=3))),
        PolicyVerdict.NOTHING,
        "no reason",
        "nothing asks for a training of churn",
    ),
    "changed code": (
        {},
        replace(QUIET, code=CodeFact("d", ("model", "environment"))),
        PolicyVerdict.TRAIN,
        "train",
        "the code of model and environment changed since version 3",
    ),
    "a due schedule": (
        {"triggers": ("schedule",), "schedule": ScheduleRule(every_days=7, at=time(5), first=date(2026, 3, 3))},
        QUIET,
        PolicyVerdict.TRAIN,
        "train",
        "the schedule was due at 2026-03-10 05:00 UTC",
    ),
    "a schedule that was trained for": (
        {"triggers": ("schedule",), "schedule": ScheduleRule(every_days=7, at=time(5), first=date(2026, 3, 3))},
        replace(QUIET, runs=(RUN,)),
        PolicyVerdict.NOTHING,
        "no reason",
        "nothing asks for a training of churn",
    ),
    "too few new rows": (
        {"least_new_rows": 1_000},
        NEW_SPAN,
        PolicyVerdict.WAIT,
        "not ripe",
        f"{SPAN_WORDS}, but only 700 of 1,000 new rows with labels are there",
    ),
    "a changed world": (
        {},
        replace(QUIET, alarms=(alarm(Cause.CHANGED_WORLD, since=SPAN, version=3),)),
        PolicyVerdict.TRAIN,
        "train",
        f"alarm 7: {FELL}",
    ),
    "a changed world without labels": (
        {},
        replace(QUIET, alarms=(alarm(Cause.CHANGED_WORLD, since=SPAN + timedelta(days=1)),)),
        PolicyVerdict.WAIT,
        "not ripe",
        f"alarm 7: {FELL}, but only labels are known of spans up to 2026-02-07, and it shows since 2026-02-08",
    ),
    "a changed world that a training did not mend": (
        {},
        replace(QUIET, live=(LIVE,), alarms=(CHANGED,), answered=MEASURED | {"alarm:7:changed_world:3"}),
        PolicyVerdict.WAIT,
        "answered alarm",
        f"alarm 7 is open still ({FELL}), and {NOT_MENDED}",
    ),
    "a changed world that a training did not mend, and twice as many days of it": (
        {},
        replace(
            QUIET,
            live=(LIVE,),
            alarms=(CHANGED,),
            source=replace(SOURCE, span=SPAN + timedelta(days=4)),
            answered=MEASURED | {"alarm:7:changed_world:3", "partition:2026-02-11"},
        ),
        PolicyVerdict.TRAIN,
        "train",
        f"alarm 7: {FELL}",
    ),
    "a changed world that a version knows which is not live": (
        {},
        replace(QUIET, live=(replace(LIVE, version=2),), alarms=(replace(CHANGED, version=2),)),
        PolicyVerdict.WAIT,
        "answered alarm",
        f"alarm 7 is open still ({FELL}), and version 3, which was trained on days on which it shows, is not live in its place",
    ),
    "a changed world of which nobody knew the cause when it was trained for": (
        {"train_on_unknown": True},
        replace(QUIET, alarms=(CHANGED,), answered=MEASURED | {"alarm:7:unknown"}),
        PolicyVerdict.TRAIN,
        "train",
        f"alarm 7: {FELL}",
    ),
    "missing hours": (
        {},
        replace(QUIET, alarms=(alarm(Cause.COVERAGE, since=SPAN, version=3),)),
        PolicyVerdict.TRAIN,
        "train",
        f"alarm 7: {FELL}",
    ),
    "missing hours without labels": (
        {},
        replace(QUIET, alarms=(alarm(Cause.COVERAGE, since=date(2026, 3, 9)),)),
        PolicyVerdict.WAIT,
        "not ripe",
        f"alarm 7: {FELL}, but only labels are known of spans up to 2026-02-07, and it shows since 2026-03-09",
    ),
    "a broken source and nothing else": (
        {},
        replace(QUIET, alarms=(BROKEN,)),
        PolicyVerdict.MEND,
        "broken source",
        f"{PRICE}, {LEARN}, if there is a reason then",
    ),
    "a broken source and a new span": (
        {},
        replace(NEW_SPAN, alarms=(BROKEN, alarm(Cause.CHANGED_WORLD, alarm_id="8"))),
        PolicyVerdict.MEND,
        "broken source",
        f"{PRICE}, {LEARN}, for this: alarm 8: {FELL}; {SPAN_WORDS}",
    ),
    "a source that was broken when somebody looked last, four weeks ago": (
        {},
        replace(NEW_SPAN, alarms=(replace(BROKEN, seen=SOURCE.newest - timedelta(days=28)),)),
        PolicyVerdict.MEND,
        "broken source",
        f"{PRICE}, {LEARN}, for this: {SPAN_WORDS}",
    ),
    "a source that was broken when somebody looked last, longer ago": (
        {},
        replace(NEW_SPAN, alarms=(replace(BROKEN, seen=SOURCE.newest - timedelta(days=29)),)),
        PolicyVerdict.TRAIN,
        "train",
        SPAN_WORDS,
    ),
    "a serving fault": (
        {},
        replace(QUIET, alarms=(alarm(Cause.SERVING_FAULT, sentence="3% of requests fail"),)),
        PolicyVerdict.MEND,
        "serving fault",
        "alarm 7 is about the service (3% of requests fail), which training does not mend",
    ),
    "an unknown cause": (
        {},
        replace(QUIET, alarms=(alarm(Cause.UNKNOWN),)),
        PolicyVerdict.MEND,
        "unknown cause",
        f"nobody knows the cause of alarm 7 ({FELL}), so training may not help: {COMPARE}",
    ),
    "an unknown cause that policy trains for": (
        {"train_on_unknown": True},
        replace(QUIET, alarms=(alarm(Cause.UNKNOWN),)),
        PolicyVerdict.TRAIN,
        "train",
        "alarm 7: AUC of all rows fell from 0.81 to 0.74",
    ),
    "a bad version on probation": (
        {},
        replace(NEW_SPAN, alarms=(alarm(Cause.BAD_VERSION),), live=(LIVE,)),
        PolicyVerdict.ROLL_BACK,
        "probation",
        "version 3, on probation on prod since 2026-03-08 12:00 UTC, is bad (alarm 7: AUC of all rows fell from 0.81 to 0.74)",
    ),
    "a bad version of which labels are known weeks later": (
        {},
        replace(NEW_SPAN, label_delay_days=30, alarms=(alarm(Cause.BAD_VERSION),), live=(replace(LIVE, since=NOW - timedelta(days=36)),)),
        PolicyVerdict.ROLL_BACK,
        "probation",
        f"version 3, on probation on prod since 2026-02-02 12:00 UTC, is bad (alarm 7: {FELL})",
    ),
    "a bad version that is not on probation any more": (
        {},
        replace(QUIET, label_delay_days=30, alarms=(alarm(Cause.BAD_VERSION),), live=(replace(LIVE, since=NOW - timedelta(days=37)),)),
        PolicyVerdict.MEND,
        "bad version",
        f"alarm 7 says that the version is bad ({FELL}), which training on the same data would not mend: {ROLLBACK}",
    ),
    "a bad version and no probation": (
        {"probation_days": 0},
        replace(QUIET, label_delay_days=30, alarms=(alarm(Cause.BAD_VERSION),), live=(LIVE,)),
        PolicyVerdict.MEND,
        "bad version",
        f"alarm 7 says that the version is bad ({FELL}), which training on the same data would not mend: {ROLLBACK}",
    ),
    "a bad version that a person deployed": (
        {},
        replace(QUIET, alarms=(alarm(Cause.BAD_VERSION),), live=(replace(LIVE, by_policy=False),)),
        PolicyVerdict.MEND,
        "bad version",
        f"alarm 7 says that the version is bad ({FELL}), which training on the same data would not mend: {ROLLBACK}",
    ),
    "a bad version on another target": (
        {},
        replace(NEW_SPAN, alarms=(alarm(Cause.BAD_VERSION, target="staging"),), live=(LIVE,)),
        PolicyVerdict.TRAIN,
        "train",
        SPAN_WORDS,
    ),
    "paused": (
        {},
        replace(NEW_SPAN, paused="ann: prices are being moved"),
        PolicyVerdict.WAIT,
        "paused",
        "churn is paused (ann: prices are being moved): run `perennial resume churn`",
    ),
    "a table that cannot be read": (
        {},
        replace(QUIET, source=None, source_error="table retail.purchases is gone", code=CodeFact("d", ("model",))),
        PolicyVerdict.WAIT,
        "no data",
        "there is nothing to train on: table retail.purchases is gone",
    ),
    "a table that cannot be read, and nothing asks": (
        {},
        replace(QUIET, source=None, source_error="table retail.purchases is gone"),
        PolicyVerdict.WAIT,
        "no data",
        "there is nothing to train on: table retail.purchases is gone",
    ),
    "a table that cannot be read, which nothing would ask about": (
        {"triggers": ("code", "person")},
        replace(QUIET, source=None, source_error="table retail.purchases is gone"),
        PolicyVerdict.NOTHING,
        "no reason",
        "nothing asks for a training of churn",
    ),
    "a run under way": (
        {},
        replace(NEW_SPAN, runs=(replace(RUN, is_running=True),)),
        PolicyVerdict.WAIT,
        "one run at a time",
        "run churn-1 is under way",
    ),
    "a training that failed too often": (
        {},
        replace(NEW_SPAN, failures={SPAN_KEY: 3}),
        PolicyVerdict.WAIT,
        "attempts",
        f"3 trainings for this failed ({SPAN_WORDS}): look at `perennial runs churn`, then ask with `perennial request churn`",
    ),
    "a reason that failed too often beside one that is not ripe": (
        {},
        replace(NEW_SPAN, failures={SPAN_KEY: 3}, alarms=(alarm(Cause.CHANGED_WORLD, since=date(2026, 3, 10)),)),
        PolicyVerdict.WAIT,
        "attempts",
        f"3 trainings for this failed ({SPAN_WORDS}): look at `perennial runs churn`, then ask with `perennial request churn`",
    ),
    "a rollback that was refused": (
        {},
        replace(QUIET, live=(LIVE,), alarms=(alarm(Cause.BAD_VERSION),), answered=MEASURED | {"rollback:7:prod:3"}),
        PolicyVerdict.MEND,
        "bad version",
        f"alarm 7 says that the version is bad ({FELL}), which training on the same data would not mend: {ROLLBACK}",
    ),
    "quiet hours": (
        {"quiet_hours": (time(8), time(18)), "time_zone": "Europe/Berlin"},
        NEW_SPAN,
        PolicyVerdict.WAIT,
        "quiet hours",
        f"these are quiet hours: not before 2026-03-10 17:00 UTC, for this: {SPAN_WORDS}",
    ),
    "a cooldown": (
        {},
        replace(NEW_SPAN, runs=(RUN,)),
        PolicyVerdict.WAIT,
        "cooldown",
        f"the last training began at 2026-03-10 10:00 UTC, {COOLDOWN} 2026-03-10 16:00 UTC, for this: {SPAN_WORDS}",
    ),
    "a clock that was set back by hours": (
        {},
        replace(NEW_SPAN, runs=(replace(RUN, started_at=NOW + timedelta(hours=2)),)),
        PolicyVerdict.WAIT,
        "cooldown",
        f"the last training began at 2026-03-10 14:00 UTC, {COOLDOWN} 2026-03-10 20:00 UTC, for this: {SPAN_WORDS}",
    ),
    "a clock that was set back by months": (
        {"runs_a_day": 1},
        replace(NEW_SPAN, runs=(replace(RUN, started_at=NOW + timedelta(days=90)),)),
        PolicyVerdict.TRAIN,
        "train",
        SPAN_WORDS,
    ),
    "a schedule that was due before a clock was set back": (
        {"triggers": ("schedule",), "schedule": ScheduleRule(every_days=7, at=time(5), first=date(2026, 3, 3))},
        replace(QUIET, runs=(replace(RUN, started_at=NOW + timedelta(days=90)),)),
        PolicyVerdict.TRAIN,
        "train",
        "the schedule was due at 2026-03-10 05:00 UTC",
    ),
    "a source that was written again after a refusal, and a run of the future": (
        {"cooldown_hours": 0},
        replace(
            QUIET,
            runs=(replace(RUN, started_at=NOW + timedelta(days=90)), replace(RUN, refused=True)),
            source=replace(SOURCE, written_at=NOW - timedelta(hours=1)),
        ),
        PolicyVerdict.TRAIN,
        "train",
        "the source was written again at 2026-03-10 11:00 UTC, after a gate had refused run churn-1",
    ),
    "a new span while a version goes live in steps": (
        {},
        replace(NEW_SPAN, rolling_out=ROLLING_OUT),
        PolicyVerdict.WAIT,
        "not ripe",
        f"{SPAN_WORDS}, but only once {ROLLING_OUT}",
    ),
    "a due schedule while a version goes live in steps": (
        {"triggers": ("schedule",), "schedule": ScheduleRule(every_days=7, at=time(5), first=date(2026, 3, 3))},
        replace(QUIET, rolling_out=ROLLING_OUT),
        PolicyVerdict.WAIT,
        "not ripe",
        f"the schedule was due at 2026-03-10 05:00 UTC, but only once {ROLLING_OUT}",
    ),
    "a person while a version goes live in steps": (
        {},
        replace(QUIET, rolling_out=ROLLING_OUT, requests=(PERSON,)),
        PolicyVerdict.TRAIN,
        "train",
        PERSON.sentence,
    ),
    "too many trainings of other models": (
        {},
        replace(NEW_SPAN, crowded="1 trainings are under way"),
        PolicyVerdict.WAIT,
        "trainings at once",
        "1 trainings are under way",
    ),
    "a person in a cooldown": (
        {"quiet_hours": (time(8), time(18))},
        replace(QUIET, runs=(RUN,), requests=(PERSON,)),
        PolicyVerdict.TRAIN,
        "train",
        "ann asks: a look at the new prices",
    ),
    "a new span in a cooldown beside a person whose training failed too often": (
        {},
        replace(NEW_SPAN, runs=(RUN,), requests=(PERSON,), failures={PERSON.key: 3}),
        PolicyVerdict.WAIT,
        "cooldown",
        f"the last training began at 2026-03-10 10:00 UTC, {COOLDOWN} 2026-03-10 16:00 UTC, for this: {PERSON.sentence}; {SPAN_WORDS}",
    ),
    "too many runs": (
        {"cooldown_hours": 0, "runs_a_day": 1},
        replace(NEW_SPAN, runs=(RUN,)),
        PolicyVerdict.WAIT,
        "runs a day",
        f"1 of 1 trainings of the day have begun: not before 2026-03-11 00:00 UTC, for this: {SPAN_WORDS}",
    ),
    "too many seconds": (
        {"cooldown_hours": 0, "training_seconds_a_day": 100},
        replace(NEW_SPAN, runs=(RUN,)),
        PolicyVerdict.WAIT,
        "training seconds",
        f"60 of 100 training seconds of the day are used, and a training takes 60: not before 2026-03-11 00:00 UTC, for this: {SPAN_WORDS}",
    ),
    "too many bytes": (
        {"cooldown_hours": 0, "bytes_a_day": 1_000},
        replace(NEW_SPAN, runs=(replace(RUN, bytes_read=600),), training_bytes=500),
        PolicyVerdict.WAIT,
        "bytes",
        f"600 of 1,000 bytes of the day are used, and a training reads 500: not before 2026-03-11 00:00 UTC, for this: {SPAN_WORDS}",
    ),
    "too many bytes, by the last training": (
        {"cooldown_hours": 0, "bytes_a_day": 1_000},
        replace(NEW_SPAN, runs=(replace(RUN, bytes_read=600),)),
        PolicyVerdict.WAIT,
        "bytes",
        f"600 of 1,000 bytes of the day are used, and a training reads 600: not before 2026-03-11 00:00 UTC, for this: {SPAN_WORDS}",
    ),
    "too many bytes, of a measurement that began twice": (
        {"cooldown_hours": 0, "bytes_a_day": 1_000},
        replace(
            NEW_SPAN,
            training_bytes=500,
            measured=(MeasurementFact("ageing:3", NOW - timedelta(days=1), is_open=False, bytes_read=300, begun=(NOW, NOW)),),
        ),
        PolicyVerdict.WAIT,
        "bytes",
        f"600 of 1,000 bytes of the day are used, and a training reads 500: not before 2026-03-11 00:00 UTC, for this: {SPAN_WORDS}",
    ),
    "bytes that are left": (
        {"cooldown_hours": 0, "bytes_a_day": 1_000},
        replace(NEW_SPAN, runs=(replace(RUN, bytes_read=500),), training_bytes=500),
        PolicyVerdict.TRAIN,
        "train",
        SPAN_WORDS,
    ),
    "bytes that no day has": (
        {"bytes_a_day": 1_000},
        replace(NEW_SPAN, training_bytes=1_001),
        PolicyVerdict.WAIT,
        "bytes",
        "a training reads 1,001 bytes, and continuous.bytes_a_day allows 1,000: raise it, or narrow the window",
    ),
    "bytes that no day has, and a person who asks": (
        {"bytes_a_day": 1_000},
        replace(NEW_SPAN, training_bytes=1_001, requests=(PERSON,)),
        PolicyVerdict.TRAIN,
        "train",
        f"ann asks: a look at the new prices; {SPAN_WORDS}",
    ),
    "a dry run that BigQuery refuses": (
        {},
        replace(NEW_SPAN, dry_run_error="source.sql does not run: correct it"),
        PolicyVerdict.WAIT,
        "dry run",
        "BigQuery would refuse the training: source.sql does not run: correct it",
    ),
    "a new span of a model that does not age": (
        {},
        replace(NEW_SPAN, ageing=AgeingFact((31, 45), (0.0, 0.0))),
        PolicyVerdict.WAIT,
        "not ripe",
        f"{SPAN_WORDS}, but only 0 of the 0.1 that a training costs would be gained in 7 days",
    ),
    "a new span that is not worth a training yet": (
        {},
        replace(NEW_SPAN, ageing=AGEING),
        PolicyVerdict.WAIT,
        "not ripe",
        f"{SPAN_WORDS}, but only 0.028 of the 0.1 that a training costs would be gained in 7 days",
    ),
    "a new span that is worth a training": (
        {"training_cost": 0.028},
        replace(NEW_SPAN, ageing=AGEING),
        PolicyVerdict.TRAIN,
        "train",
        SPAN_WORDS,
    ),
    "a policy for which trainings cost nothing": (
        {"training_cost": 0},
        replace(NEW_SPAN, ageing=AgeingFact((31, 45), (0.0, 0.0))),
        PolicyVerdict.TRAIN,
        "train",
        SPAN_WORDS,
    ),
    "a version older than twice the oldest that was measured": (
        {"training_cost": 0.0021},
        replace(NEW_SPAN, ageing=AgeingFact((1, 16), (0.0, 0.0))),
        PolicyVerdict.TRAIN,
        "train",
        SPAN_WORDS,
    ),
    "a version not older than twice the oldest that was measured": (
        {"training_cost": 0.0021},
        replace(NEW_SPAN, ageing=AgeingFact((1, 19), (0.0, 0.0))),
        PolicyVerdict.WAIT,
        "not ripe",
        f"{SPAN_WORDS}, but only 0 of the 0.0021 that a training costs would be gained in 7 days",
    ),
    "a version of which nothing is known": (
        {},
        replace(NEW_SPAN, ageing=None),
        PolicyVerdict.WAIT,
        "not ripe",
        f"{SPAN_WORDS}, but only 0.0028 of the 0.1 that a training costs would be gained in 7 days",
    ),
    "a rewritten partition of a model that does not age": (
        {},
        replace(NEW_SPAN, ageing=AgeingFact((31, 45), (0.0, 0.0)), source=replace(SOURCE, rewritten=(date(2026, 2, 1),), rewritten_id="x")),
        PolicyVerdict.TRAIN,
        "train",
        f"{SPAN_WORDS}; partition 2026-02-01 was rewritten after version 3 was trained on it",
    ),
    "a new span of a model whose ageing nobody has measured": ({}, UNMEASURED, PolicyVerdict.MEASURE, "ageing", UNMEASURED_WORDS),
    "a new version, and nothing else": (
        {},
        replace(QUIET, answered=frozenset({"ageing:2"})),
        PolicyVerdict.MEASURE,
        "ageing",
        UNMEASURED_WORDS,
    ),
    "a first version, before which there is none": (
        {},
        replace(QUIET, answered=frozenset(), trained=TrainedFact(1, SPAN)),
        PolicyVerdict.NOTHING,
        "no reason",
        "nothing asks for a training of churn",
    ),
    "a policy that does not ask how versions age": ({"training_cost": 0}, UNMEASURED, PolicyVerdict.TRAIN, "train", SPAN_WORDS),
    "a schedule that is due before it was measured": (
        {"triggers": ("new_partition", "schedule"), "schedule": {}},
        UNMEASURED,
        PolicyVerdict.TRAIN,
        "train",
        f"{SPAN_WORDS}; the schedule was due at 2026-03-09 05:00 UTC",
    ),
    "a rewritten partition before it was measured": (
        {},
        replace(UNMEASURED, source=replace(SOURCE, rewritten=(date(2026, 2, 1),), rewritten_id="x")),
        PolicyVerdict.TRAIN,
        "train",
        f"{SPAN_WORDS}; partition 2026-02-01 was rewritten after version 3 was trained on it",
    ),
    "a measurement that failed as often as a training may": (
        {},
        replace(UNMEASURED, failures={"ageing:3": 3}),
        PolicyVerdict.TRAIN,
        "train",
        SPAN_WORDS,
    ),
    "a measurement that waits for its turn since a day": (
        {},
        replace(UNMEASURED, measured=(MeasurementFact("ageing:3", NOW - timedelta(days=1, seconds=1), is_open=True),)),
        PolicyVerdict.TRAIN,
        "train",
        SPAN_WORDS,
    ),
    "a measurement that waits for its turn since an hour": (
        {},
        replace(UNMEASURED, measured=(MeasurementFact("ageing:3", NOW - timedelta(hours=1), is_open=True),)),
        PolicyVerdict.MEASURE,
        "ageing",
        UNMEASURED_WORDS,
    ),
    "somebody who asks before it was measured": (
        {},
        replace(UNMEASURED, requests=(PERSON,)),
        PolicyVerdict.TRAIN,
        "train",
        f"{PERSON.sentence}; {SPAN_WORDS}",
    ),
    "a measurement that the day has no bytes for": (
        {"bytes_a_day": 100},
        replace(QUIET, answered=frozenset(), training_bytes=60, measured=(MeasurementFact("ageing:2", NOW, is_open=False, bytes_read=50),)),
        PolicyVerdict.NOTHING,
        "no reason",
        "nothing asks for a training of churn",
    ),
    "a training that a measurement of the day has left no bytes for": (
        {"bytes_a_day": 100},
        replace(NEW_SPAN, training_bytes=60, measured=(MeasurementFact("ageing:3", NOW, is_open=False, bytes_read=50),)),
        PolicyVerdict.WAIT,
        "bytes",
        f"50 of 100 bytes of the day are used, and a training reads 60: not before 2026-03-11 00:00 UTC, for this: {SPAN_WORDS}",
    ),
    "a budget below one training": (
        {"cooldown_hours": 0, "training_seconds_a_day": 59},
        replace(NEW_SPAN, runs=(replace(RUN, started_at=NOW - timedelta(days=1)),)),
        PolicyVerdict.WAIT,
        "training seconds",
        "a training takes 60 s, and continuous.training_seconds_a_day allows 59: raise it",
    ),
    "a budget below one training, on a day that has had its trainings": (
        {"cooldown_hours": 0, "runs_a_day": 1, "training_seconds_a_day": 59},
        replace(NEW_SPAN, runs=(replace(RUN, started_at=NOW),)),
        PolicyVerdict.WAIT,
        "training seconds",
        "a training takes 60 s, and continuous.training_seconds_a_day allows 59: raise it",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_facts_lead_to_a_decision_with_its_reason(case: str) -> None:
    given, facts, verdict, rule, reason = CASES[case]
    decision = decide(ContinuousSection(**given), facts)
    assert (decision.verdict, decision.rule, decision.reason) == (verdict, rule, reason)


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 0.1)), min_size=1, max_size=6), st.integers(0, 50), st.integers(1, 200))
def test_what_a_training_gains_grows_with_age_and_is_what_a_version_loses(steps: list[tuple[int, float]], young: int, days: int) -> None:
    ages = tuple(itertools.accumulate(one for one, _ in steps))
    ageing = AgeingFact(ages, tuple(itertools.accumulate(lost for _, lost in steps)))
    assert ageing.gain(young, days) <= ageing.gain(young, days + 1) + 1e-9
    each = [ageing.loss(young + days) - ageing.loss(young + day) for day in range(days)]
    assert min(each) >= 0
    assert ageing.gain(young, days) == pytest.approx(sum(each), abs=1e-9)
    assert [ageing.loss(age) for age in ages] == list(ageing.losses)


def test_going_back_to_code_that_was_trained_before_is_a_reason_once() -> None:
    to_b, back_to_a = replace(QUIET, code=CodeFact("b", ("model",))), replace(QUIET, code=CodeFact("a", ("model",)))
    to_b_again = replace(to_b, trained=TrainedFact(5, SPAN), answered=MEASURED | {"code:b:3", "code:a:4"})
    assert [one.key for one in decide(ContinuousSection(), to_b).because] == ["code:b:3"]
    assert [one.key for one in decide(ContinuousSection(), replace(back_to_a, trained=TrainedFact(4, SPAN))).because] == ["code:a:4"]
    assert [one.key for one in decide(ContinuousSection(), to_b_again).because] == ["code:b:5"]
    assert decide(ContinuousSection(), replace(to_b_again, answered=frozenset({"ageing:5", "code:b:5"}))).verdict is PolicyVerdict.NOTHING


def test_a_training_is_called_after_its_strongest_reason_and_answers_all_that_are_ripe() -> None:
    alarms = (alarm(Cause.CHANGED_WORLD, since=date(2026, 3, 10)), alarm(Cause.COVERAGE, alarm_id="8", since=SPAN))
    decision = decide(ContinuousSection(), replace(NEW_SPAN, alarms=alarms))
    assert (decision.kind, [one.key for one in decision.because]) == (ReasonKind.ALARM, ["alarm:8:coverage:1", SPAN_KEY])


MOMENTS = st.integers(-3_000, 1_000).map(lambda minutes: NOW + timedelta(minutes=minutes))
ALARMS = st.builds(
    AlarmFact,
    st.sampled_from("123"),
    st.sampled_from(Cause),
    st.just("it is bad"),
    st.sampled_from(["", "price"]),
    st.none() | st.dates(date(2026, 1, 1), date(2026, 4, 1)),
    st.sampled_from([None, "prod"]),
)
RUNS = st.builds(RunFact, st.sampled_from(["a", "b"]), MOMENTS, st.floats(0, 1e5), is_running=st.booleans(), failed=st.booleans())
SPANS = st.dates(date(2026, 1, 1), date(2026, 3, 1))
FACTS = st.builds(
    Facts,
    model=st.just("churn"),
    now=st.just(NOW),
    source=st.none() | st.builds(replace, st.just(SOURCE), span=SPANS, new_rows=st.integers(0, 2_000)),
    trained=st.none() | st.builds(TrainedFact, st.integers(1, 9), SPANS),
    code=st.builds(CodeFact, st.sampled_from("ab"), st.sampled_from([(), ("model",)])),
    runs=st.lists(RUNS, max_size=4).map(tuple),
    alarms=st.lists(ALARMS, max_size=3, unique_by=lambda one: one.alarm_id).map(tuple),
    requests=st.lists(st.just(PERSON), max_size=1).map(tuple),
    live=st.lists(st.builds(LiveFact, st.just("prod"), st.just(3), MOMENTS, by_policy=st.booleans()), max_size=1).map(tuple),
    ageing=st.none() | st.builds(AgeingFact, st.just((1, 30, 90)), st.sampled_from([(0.0, 0.0, 0.0), (0.0, 0.001, 0.01)])),
    paused=st.sampled_from(["", "ann: holidays"]),
)
POLICIES = st.builds(
    ContinuousSection,
    quiet_hours=st.none() | st.sampled_from([(time(8), time(18)), (time(22), time(6)), (time(0), time(23, 59))]),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"]),
    cooldown_hours=st.integers(0, 100),
    runs_a_day=st.integers(1, 4),
    least_new_rows=st.sampled_from([0, 1_000]),
    training_seconds_a_day=st.none() | st.integers(1, 100_000),
    train_on_unknown=st.booleans(),
)


@given(POLICIES, FACTS)
def test_it_never_trains_on_a_broken_source_nor_while_paused_nor_beside_a_run(policy: ContinuousSection, facts: Facts) -> None:
    if decide(policy, facts).verdict is PolicyVerdict.TRAIN:
        assert Cause.BROKEN_SOURCE not in {one.cause for one in facts.alarms}
        assert not facts.paused
        assert not any(run.is_running for run in facts.runs)


@given(POLICIES, FACTS)
def test_the_same_facts_in_any_order_give_the_same_decision_with_a_reason_on_one_line(policy: ContinuousSection, facts: Facts) -> None:
    decision = decide(policy, facts)
    assert decision == decide(policy, replace(facts, alarms=facts.alarms[::-1], live=facts.live[::-1]))
    assert decision.reason
    assert decision.reason.isprintable()


@given(POLICIES, FACTS)
def test_no_reason_is_lost_by_waiting_for_the_clock(policy: ContinuousSection, facts: Facts) -> None:
    first = decision = decide(policy, facts)
    looks: list[Decision] = []
    while decision.not_before is not None:
        looks.append(decision)
        assert len(looks) < 20, "it waits for ever"
        facts = replace(facts, now=decision.not_before)
        decision = decide(policy, facts)
    if not looks:
        return
    waiting = {one.key for one in first.because if not one.unripe or one.kind is ReasonKind.PARTITION}
    assert decision.verdict is PolicyVerdict.TRAIN
    assert waiting <= {one.key for one in decision.because}
