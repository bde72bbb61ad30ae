"""Tell of alarms as CloudEvents 1.0 by HTTP, in structured form, to whatever takes them, such as a service that Eventarc routes to."""

import json
from typing import Any
from urllib.parse import quote

from components.delivery.posting import post
from components.monitoring.notices.notice import Notice

TYPE = "perennial.alarm"
"""The type of an event is this and the state of the alarm: `perennial.alarm.open`."""


def tell_by_event(address: str, notice: Notice) -> None:
    """Post a notice as an event. Its id and source are the same whenever it is told, by which receivers tell that they have it.

    Raises:
        RefusedError: the receiver says that it will never take this one.
        AccessError: nobody takes it, after several attempts.
    """
    body = json.dumps(_event(notice)).encode()
    headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
    post(address, body, headers, what="the receiver of events of alarms (PERENNIAL_ALARM_EVENTS)")


def _event(notice: Notice) -> dict[str, Any]:
    subject, standing = notice.alarm.subject, notice.alarm.standing
    cause = standing.cause
    return {
        "specversion": "1.0",
        "id": notice.identity,
        "source": f"/perennial/models/{quote(subject.model)}/targets/{quote(subject.target)}",
        "type": f"{TYPE}.{standing.state}",
        "subject": f"versions/{subject.version}",
        "time": notice.recorded_at.isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "alarm": notice.alarm.alarm_id,
            "text": notice.text,
            "model": subject.model,
            "version": subject.version,
            "target": subject.target,
            "role": subject.role,
            "kind": subject.kind,
            "about": subject.subject,
            "slice": dict(subject.slice),
            "since": subject.since.isoformat(),
            "state": standing.state,
            "day": standing.day.isoformat(),
            "loss": standing.loss,
            "rows": standing.rows,
            "cause": {"kind": cause.kind, "column": cause.column, "sentence": cause.sentence},
        },
    }
