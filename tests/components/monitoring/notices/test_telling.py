"""Alarms are told by webhook, mail and event: each event once by each, again only if nobody took it, and nothing of what is muted."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from components.cloud import Cloud
from components.delivery import posting
from components.monitoring.alarms import (
    AlarmAnswer,
    AlarmCause,
    AlarmKind,
    AlarmStanding,
    AlarmState,
    AlarmSubject,
    answer,
    open_alarms,
    record_standing,
)
from components.monitoring.notices import telling, webhook
from components.monitoring.notices.telling import notify
from components.policy.facts import Cause
from components.runs.outcome import Step
from tests.components.monitoring.notices.receivers import Hook, MailServer
from tests.components.monitoring.served import TARGET, Served, served  # noqa: F401

CAUSE = AlarmCause(kind=Cause.COVERAGE, slice={}, sentence="never trained on hour 12-23")
STANDING = AlarmStanding(state=AlarmState.OPEN, day=date(2026, 3, 9), loss=0.1, rows=60, sentence="auc of hour 12-23 is 0.52", cause=CAUSE)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "PAUSE_SECONDS", 0.01)


def subject(one: Served, column: str) -> AlarmSubject:
    return AlarmSubject(
        model=one.model.name,
        version=1,
        target=TARGET,
        role="live",
        kind=AlarmKind.COVERAGE,
        subject=column,
        slice={"hour": "12-23"},
        since=date(2026, 3, 8),
    )


def record(one: Served, run_id: str, seq: int, state: AlarmState, *, column: str = "hour", **changes: Any) -> None:
    with one.engine.begin() as connection:
        record_standing(connection, subject(one, column), replace(STANDING, state=state, **changes), seq=seq, run_id=run_id)


def told(step: Step, **settings: object) -> None:
    notify(Step(step.run_id, step.model, Cloud(step.settings.model_copy(update=settings))), TARGET)


def mailed(server: str, *recipients: str) -> dict[str, object]:
    return {"alarm_mail_server": SecretStr(server), "alarm_mail_from": "perennial@example.org", "alarm_mail_to": recipients}


def test_what_was_taken_is_not_told_again_though_the_answer_does_not_end(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(posting, "ANSWER_SECONDS", 0.5)
    step, over = served.step(date(2026, 3, 9)), threading.Event()
    hook = Hook(withholds=over)
    record(served, step.run_id, 1, AlarmState.OPEN)
    with hook.listening() as address:
        for _ in range(2):
            told(step, alarm_webhook=SecretStr(address))
        over.set()
    assert len(hook.bodies) == 1


def test_every_event_is_told_once_and_again_only_if_nobody_took_it(served: Served) -> None:  # noqa: F811
    step, hook, name = served.step(date(2026, 3, 9)), Hook(), served.model.name
    record(served, step.run_id, 1, AlarmState.OPEN)
    told(step)
    with hook.listening() as address:
        secret = SecretStr(address)
        for statuses in ([404], [302], [500, 503, 500]):
            hook.statuses = statuses
            told(step, alarm_webhook=secret)
            assert (hook.statuses, hook.texts) == ([], [])
        hook.statuses = [503]
        for _ in range(3):
            told(step, alarm_webhook=secret)
        first = f"{name} 1 on local: auc of hour 12-23 is 0.52 (60 rows since 2026-03-08): never trained on hour 12-23"
        more = f"\nMore: perennial alarms {name} --target local"
        assert hook.texts == [first + more]
        for seq, state in ((2, AlarmState.WORSE), (3, AlarmState.SETTLED), (4, AlarmState.CLOSED)):
            record(served, step.run_id, seq, state)
            told(step, alarm_webhook=secret)
        assert [text.partition(":")[2].split(" ")[1] for text in hook.texts[1:]] == ["has", "over"]


def test_every_channel_is_told_by_itself_whether_or_not_another_one_works(served: Served) -> None:  # noqa: F811
    step, hook, mails, name = served.step(date(2026, 3, 9)), Hook(statuses=[404]), MailServer(), served.model.name
    record(served, step.run_id, 1, AlarmState.OPEN)
    with hook.listening() as away, mails.listening() as server, (events := Hook()).listening() as address:
        channels = {"alarm_webhook": SecretStr(away), "alarm_events": SecretStr(address), **mailed(server, "ada@example.org")}
        told(step, **channels)
        assert (len(hook.bodies), len(mails.mails), len(events.bodies)) == (0, 1, 1)
        told(step, **channels)
        assert (len(hook.bodies), len(mails.mails), len(events.bodies)) == (1, 1, 1)
    with served.engine.connect() as connection:
        (alarm,) = open_alarms(connection, name)
        rows = connection.exec_driver_sql(f"SELECT channel FROM registry.alarm_notice WHERE alarm_id = {alarm.alarm_id}").scalars()
        assert sorted(rows) == ["event", "mail", "webhook"]
    (event,) = events.bodies
    assert events.types == ["application/cloudevents+json; charset=utf-8"]
    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject", "datacontenttype")} == {
        "specversion": "1.0",
        "id": f"{alarm.alarm_id}-1",
        "source": f"/perennial/models/{name}/targets/local",
        "type": "perennial.alarm.open",
        "subject": "versions/1",
        "datacontenttype": "application/json",
    }
    assert datetime.fromisoformat(event["time"]).tzinfo is not None
    assert datetime.fromisoformat(event["time"]) <= datetime.now(UTC)
    assert (event["data"]["cause"]["kind"], event["data"]["slice"], event["data"]["rows"]) == ("coverage", {"hour": "12-23"}, 60)


def test_a_mail_says_what_and_why_and_has_the_same_id_whenever_it_is_sent(served: Served) -> None:  # noqa: F811
    step, mails, name = served.step(date(2026, 3, 9)), MailServer(), served.model.name
    record(served, step.run_id, 1, AlarmState.OPEN, sentence="feature device is a\nSubject: b & <c>")
    with mails.listening() as server:
        mails.replies = ["451 greylisted, come again"]
        told(step, **mailed(server, "ada@example.org", "ben@example.org"))
    (recipients, mail), alarm = mails.mails[0], served.alarms()[0]
    assert (len(mails.mails), recipients) == (1, ["ada@example.org", "ben@example.org"])
    assert " ".join(mail["Subject"].split()).startswith(f"{name} 1 on local: feature device is a Subject: b & <c> (60 rows")
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == (f"<perennial-alarm-{alarm.alarm_id}-1-{name}@example.org>", "auto-generated")
    assert f"More: perennial alarms {name} --target local" in mail.get_payload()


def test_a_mail_that_was_taken_is_not_sent_again_whatever_comes_after(
    served: Served,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    step, mails = served.step(date(2026, 3, 9)), MailServer(refused=["gone@example.org"], quit_reply="421 going down")
    record(served, step.run_id, 1, AlarmState.OPEN)
    with mails.listening() as server:
        for _ in range(2):
            told(step, **mailed(server, "ada@example.org", "gone@example.org"))
    assert [recipients for recipients, _ in mails.mails] == [["ada@example.org"]]
    (line,) = [one.__dict__ for one in caplog.records if one.name == "components.delivery.submission"]
    assert (line["message"], line["recipients"]) == ("the mail server refuses some who are to be told of alarms", 1)


@pytest.mark.parametrize(
    ("reply", "refused", "why"),
    [("554 5.7.1 no", (), "it answers 554"), ("250 ok", ("ada@example.org",), r"it refuses all recipients (550)")],
    ids=["the sender", "all recipients"],
)
def test_a_server_that_refuses_for_good_is_asked_once_a_run(
    served: Served,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    reply: str,
    refused: tuple[str, ...],
    why: str,
) -> None:
    step, mails = served.step(date(2026, 3, 9)), MailServer(replies=[reply, reply], refused=list(refused))
    record(served, step.run_id, 1, AlarmState.OPEN)
    with mails.listening() as server:
        told(step, **mailed(server, "ada@example.org"))
    (line,) = [one.__dict__ for one in caplog.records if one.name == telling.__name__]
    remedy = "correct PERENNIAL_ALARM_MAIL_SERVER and PERENNIAL_ALARM_MAIL_TO"
    assert (line["error"], line["channel"]) == (f"the mail server for alarms takes nothing: {why}; {remedy}", "mail")
    assert (mails.replies, mails.mails) == ([reply], [])


@pytest.mark.parametrize(
    ("statuses", "left", "told_of"),
    [([400], [], ["device"]), ([500, 503, 429, 400], [400], [])],
    ids=["an alarm that is refused", "an outage"],
)
def test_an_alarm_that_is_refused_holds_up_no_other_and_an_outage_all(
    served: Served,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    statuses: list[int],
    left: list[int],
    told_of: list[str],
) -> None:
    step, hook = served.step(date(2026, 3, 9)), Hook(statuses=statuses)
    for column in ("hour", "device"):
        record(served, step.run_id, 1, AlarmState.OPEN, column=column, sentence=f"feature {column} is another")
    with hook.listening() as address:
        told(step, alarm_webhook=SecretStr(address))
    assert (hook.statuses, [text.split(" ")[5] for text in hook.texts]) == (left, told_of)
    (line,) = [one.__dict__ for one in caplog.records if one.name == telling.__name__]
    assert line["alarm"] == min(one.alarm_id for one in served.alarms())


def test_a_mail_that_is_refused_holds_up_no_other(served: Served) -> None:  # noqa: F811
    step, mails = served.step(date(2026, 3, 9)), MailServer(replies=["552 too large"])
    for column in ("hour", "device"):
        record(served, step.run_id, 1, AlarmState.OPEN, column=column)
    with mails.listening() as server:
        told(step, **mailed(server, "ada@example.org"))
    assert len(mails.mails) == 1


def test_a_chat_is_told_no_more_than_it_takes(served: Served) -> None:  # noqa: F811
    step, hook = served.step(date(2026, 3, 9)), Hook()
    record(served, step.run_id, 1, AlarmState.OPEN, sentence="feature device is " + "é" * 9000)
    with hook.listening() as address:
        told(step, alarm_webhook=SecretStr(address))
    assert len(hook.texts[0]) == webhook.LONGEST
    assert hook.texts[0].endswith(f"é…\nMore: perennial alarms {served.model.name} --target local")


@pytest.mark.parametrize(
    "address",
    ["smtps://bot:hunter#22@127.0.0.1", "smtp://bot:[hunter@127.0.0.1", "smtp://bot:hunter\uff0f@127.0.0.1", "smtp://b:hunter:9:x"],
)
def test_a_password_is_in_no_log_though_the_address_is_wrong(
    served: Served,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    address: str,
) -> None:
    step = served.step(date(2026, 3, 9))
    record(served, step.run_id, 1, AlarmState.OPEN)
    told(step, **mailed(address, "ada@example.org"), alarm_webhook=SecretStr(address.replace("smtp", "http")))
    lines = [one.__dict__ for one in caplog.records if one.name == telling.__name__]
    assert [line["channel"] for line in lines] == ["webhook", "mail"]
    assert "its address cannot be used (ValueError)" in lines[1]["error"]
    assert not [line for line in lines if "hunter" in str(line)]


def test_a_run_does_not_wait_for_another_that_is_telling(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    step, hook = served.step(date(2026, 3, 9)), Hook()
    record(served, step.run_id, 1, AlarmState.OPEN)
    is_telling, may_go_on = threading.Event(), threading.Event()
    post = requests.post

    def slowly(*args: Any, **kwargs: Any) -> requests.Response:
        is_telling.set()
        assert may_go_on.wait(timeout=60)
        return post(*args, **kwargs)

    monkeypatch.setattr(requests, "post", slowly)
    with hook.listening() as address:
        first = threading.Thread(target=told, args=(step,), kwargs={"alarm_webhook": SecretStr(address)})
        first.start()
        assert is_telling.wait(timeout=60)
        with served.engine.connect() as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
            assert connection.exec_driver_sql(query).scalar() == 0, "no transaction waits for the chat"
        told(step, alarm_webhook=SecretStr(address))
        assert hook.texts == []
        may_go_on.set()
        first.join(timeout=60)
        told(step, alarm_webhook=SecretStr(address))
    assert len(hook.texts) == 1


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("127.0.0.1", "feature device is &lt;!channel&gt; &amp; &lt;users/all&gt; ("),
        ("chat.googleapis.com", "feature device is ‹!channel› & ‹users/all› ("),
    ],
    ids=["as Slack escapes", "as Google Chat cannot"],
)
def test_what_callers_send_calls_nobody(served: Served, monkeypatch: pytest.MonkeyPatch, host: str, text: str) -> None:  # noqa: F811
    step, hook = served.step(date(2026, 3, 9)), Hook()
    record(served, step.run_id, 1, AlarmState.OPEN, sentence="feature device is <!channel> & <users/all>")
    monkeypatch.setattr(webhook, "GOOGLE_CHAT", "127.0.0.1" if host != "127.0.0.1" else webhook.GOOGLE_CHAT)
    with hook.listening() as address:
        told(step, alarm_webhook=SecretStr(address))
    assert text in hook.texts[0]


def test_what_is_muted_is_not_told_and_neither_is_the_end_of_what_was_not(served: Served) -> None:  # noqa: F811
    step, hook = served.step(date(2026, 3, 9)), Hook()
    record(served, step.run_id, 1, AlarmState.OPEN)
    with served.engine.begin() as connection:
        (alarm,) = open_alarms(connection, served.model.name)
        answer(connection, alarm.alarm_id, AlarmAnswer.MUTE, actor="ada", reason="known", until=date(2026, 3, 9))
    with hook.listening() as address:
        told(step, alarm_webhook=SecretStr(address))
        record(served, step.run_id, 2, AlarmState.CLOSED)
        told(step, alarm_webhook=SecretStr(address))
        assert hook.texts == []
        record(served, step.run_id, 3, AlarmState.OPEN)
        with served.engine.begin() as connection:
            answer(connection, alarm.alarm_id, AlarmAnswer.MUTE, actor="ada", reason="not so well known", until=date(2026, 3, 8))
        told(step, alarm_webhook=SecretStr(address))
    assert len(hook.texts) == 1, "the last word counts"


def test_a_webhook_that_is_not_there_is_logged_without_its_address(served: Served, caplog: pytest.LogCaptureFixture) -> None:  # noqa: F811
    step = served.step(date(2026, 3, 9))
    record(served, step.run_id, 1, AlarmState.OPEN)
    with Hook().listening() as address:
        pass
    told(step, alarm_webhook=SecretStr(address))
    (line,) = [one for one in caplog.records if one.name == telling.__name__]
    assert line.__dict__["error"] == (
        "the webhook for alarms (PERENNIAL_ALARM_WEBHOOK) takes nothing: it does not answer (ConnectionError); correct the address"
    )
