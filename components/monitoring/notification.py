"""Tell people of alarms by a webhook, in the form that Slack and Google Chat take: what, why, and the command that shows more."""

import logging
import time

import requests

from components.errors import AccessError
from components.monitoring.alarms import Alarm, AlarmState, all_alarms, claim_notice, untold_alarms
from components.runs.outcome import Step

CHANNEL = "webhook"
ATTEMPTS = 3
ANSWER_SECONDS = 10.0
PAUSE_SECONDS = 1.0
"""Before the second attempt; twice as long before the third."""
log = logging.getLogger(__name__)


def notify(step: Step, target: str) -> None:
    """Tell what is new of the alarms of a model on a target. What cannot be told now is told by the next run.

    An event is claimed in the transaction in which it is sent, so that of two runs at once one tells it. Only a run that is killed
    between the answer and its commit tells it again.
    """
    hook = step.settings.alarm_webhook
    if hook is None:
        return
    with step.cloud.engine.connect() as connection:
        untold = untold_alarms(connection, step.model.name, target, CHANNEL)
        alarms = {alarm.alarm_id: alarm for alarm in all_alarms(connection, step.model.name, target)}
    for alarm_id, seq in untold:
        try:
            with step.cloud.engine.begin() as connection:
                if claim_notice(connection, alarm_id, seq, CHANNEL):
                    _send(hook.get_secret_value(), _notice_text(alarms[alarm_id]))
        except AccessError as error:
            log.warning("an alarm could not be told: the next run tries again", extra={"alarm": alarm_id, "error": str(error)})
            return


def _notice_text(alarm: Alarm) -> str:
    """What is told of an alarm."""
    subject, state = alarm.subject, alarm.standing.state
    whose = f"{subject.model} {subject.version} on {subject.target}"
    if state is AlarmState.CLOSED:
        return f"{whose}: over since {alarm.standing.day}: {alarm.standing.sentence}"
    grown = "has become worse: " if state is AlarmState.WORSE else ""
    return f"{whose}: {grown}{alarm.headline}\nMore: perennial alarms {subject.model} --target {subject.target}"


def _send(hook: str, text: str) -> None:
    """Post the text.

    Raises:
        AccessError: nobody takes it, after several attempts. The text does not have the address, which is a secret.
    """
    why = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            answer = requests.post(hook, json={"text": text}, timeout=ANSWER_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            why = f"it does not answer ({type(error).__name__})"
            continue
        if answer.ok:
            return
        why = f"it answers {answer.status_code}"
        if answer.status_code < requests.codes.internal_server_error and answer.status_code != requests.codes.too_many_requests:
            break
    raise AccessError(f"the webhook for alarms takes nothing, {why}: correct PERENNIAL_ALARM_WEBHOOK")
