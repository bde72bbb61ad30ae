"""Alarms are told by a webhook: each event once, again only if nobody took it, and nothing of what is muted."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from components.cloud import Cloud
from components.monitoring import notification
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
from components.monitoring.notification import notify
from components.policy.facts import Cause
from components.runs.outcome import Step
from tests.components.monitoring.served import TARGET, Served, served  # noqa: F401

CAUSE = AlarmCause(kind=Cause.COVERAGE, slice={}, sentence="never trained on hour 12-23")
STANDING = AlarmStanding(state=AlarmState.OPEN, day=date(2026, 3, 9), loss=0.1, rows=60, sentence="auc of hour 12-23 is 0.52", cause=CAUSE)


@dataclass
class Hook:
    """A chat that answers with one status after another, and then with 200."""

    statuses: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[str]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = hook.statuses.pop(0) if hook.statuses else 200
                if status == 200:
                    hook.texts.append(body["text"])
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/secret"
        finally:
            server.shutdown()
            server.server_close()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notification, "PAUSE_SECONDS", 0.01)


def subject(one: Served) -> AlarmSubject:
    return AlarmSubject(
        model=one.model.name,
        version=1,
        target=TARGET,
        role="live",
        kind=AlarmKind.COVERAGE,
        subject="hour",
        slice={"hour": "12-23"},
        since=date(2026, 3, 8),
    )


def record(one: Served, run_id: str, seq: int, state: AlarmState) -> None:
    standing = AlarmStanding(**vars(STANDING) | {"state": state})
    with one.engine.begin() as connection:
        record_standing(connection, subject(one), standing, seq=seq, run_id=run_id)


def told(one: Served, step: Step, hook: str | None) -> None:
    settings = step.settings.model_copy(update={"alarm_webhook": None if hook is None else SecretStr(hook)})
    notify(Step(step.run_id, step.model, Cloud(settings)), TARGET)


def test_every_event_is_told_once_and_again_only_if_nobody_took_it(served: Served) -> None:  # noqa: F811
    step, hook, name = served.step(date(2026, 3, 9)), Hook(), served.model.name
    record(served, step.run_id, 1, AlarmState.OPEN)
    told(served, step, None)
    with hook.listening() as address:
        hook.statuses = [404]
        told(served, step, address)
        hook.statuses = [500, 503, 500]
        told(served, step, address)
        assert hook.texts == []
        hook.statuses = [503]
        for _ in range(3):
            told(served, step, address)
        first = f"{name} 1 on local: auc of hour 12-23 is 0.52 (60 rows since 2026-03-08): never trained on hour 12-23"
        more = f"\nMore: perennial alarms {name} --target local"
        assert hook.texts == [first + more]
        for seq, state in ((2, AlarmState.WORSE), (3, AlarmState.SETTLED), (4, AlarmState.CLOSED)):
            record(served, step.run_id, seq, state)
            told(served, step, address)
        assert [text.partition(":")[2].split(" ")[1] for text in hook.texts[1:]] == ["has", "over"]


def test_what_is_muted_is_not_told_and_neither_is_the_end_of_what_was_not(served: Served) -> None:  # noqa: F811
    step, hook = served.step(date(2026, 3, 9)), Hook()
    record(served, step.run_id, 1, AlarmState.OPEN)
    with served.engine.begin() as connection:
        (alarm,) = open_alarms(connection, served.model.name)
        answer(connection, alarm.alarm_id, AlarmAnswer.MUTE, actor="ada", reason="known", until=date(2026, 3, 9))
    with hook.listening() as address:
        told(served, step, address)
        record(served, step.run_id, 2, AlarmState.CLOSED)
        told(served, step, address)
        assert hook.texts == []
        record(served, step.run_id, 3, AlarmState.OPEN)
        with served.engine.begin() as connection:
            answer(connection, alarm.alarm_id, AlarmAnswer.MUTE, actor="ada", reason="not so well known", until=date(2026, 3, 8))
        told(served, step, address)
    assert len(hook.texts) == 1, "the last word counts"


def test_a_webhook_that_is_not_there_is_logged_without_its_address(served: Served, caplog: pytest.LogCaptureFixture) -> None:  # noqa: F811
    step = served.step(date(2026, 3, 9))
    record(served, step.run_id, 1, AlarmState.OPEN)
    with Hook().listening() as address:
        pass
    told(served, step, address)
    (line,) = [one for one in caplog.records if one.name == notification.__name__]
    assert line.__dict__["error"] == (
        "the webhook for alarms takes nothing, it does not answer (ConnectionError): correct PERENNIAL_ALARM_WEBHOOK"
    )
