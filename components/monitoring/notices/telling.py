"""Tell people of alarms by every channel that is set: each event once by each."""

import logging
from collections.abc import Callable
from functools import partial

from components.database.locks import only_holder
from components.errors import AccessError, RefusedError
from components.monitoring.alarms import NoticeChannel, all_alarms, record_notice, untold_alarms
from components.monitoring.notices.cloud_events import tell_by_event
from components.monitoring.notices.mail import Mailbox, tell_by_mail
from components.monitoring.notices.notice import Notice
from components.monitoring.notices.webhook import tell_by_webhook
from components.runs.outcome import Step
from components.settings import Settings

log = logging.getLogger(__name__)
Tell = Callable[[Notice], None]


def notify(step: Step, target: str) -> None:
    """Tell what is new of the alarms of a model on a target. What cannot be told now is told by the next run.

    Of two runs at once one tells. What was told is recorded at once; only a run that is killed between the answer and that record, or to
    which the answer is lost, tells an event again, by the same id.
    """
    for channel, tell in _channels(step.settings).items():
        with only_holder(step.cloud.engine, f"notices {channel} {target} {step.model.name}") as is_only:
            if is_only:
                _tell(step, target, channel, tell)


def _channels(settings: Settings) -> dict[NoticeChannel, Tell]:
    found: dict[NoticeChannel, Tell] = {}
    if settings.alarm_webhook is not None:
        found[NoticeChannel.WEBHOOK] = partial(tell_by_webhook, settings.alarm_webhook.get_secret_value())
    if settings.alarm_mail_server is not None:
        mailbox = Mailbox(
            server=settings.alarm_mail_server.get_secret_value(), sender=settings.alarm_mail_from or "", recipients=settings.alarm_mail_to
        )
        found[NoticeChannel.MAIL] = partial(tell_by_mail, mailbox)
    if settings.alarm_events is not None:
        found[NoticeChannel.EVENT] = partial(tell_by_event, settings.alarm_events.get_secret_value())
    return found


def _tell(step: Step, target: str, channel: NoticeChannel, tell: Tell) -> None:
    engine = step.cloud.engine
    with engine.connect() as connection:
        untold = untold_alarms(connection, step.model.name, target, channel)
        alarms = {alarm.alarm_id: alarm for alarm in all_alarms(connection, step.model.name, target)}
    for one in untold:
        try:
            tell(Notice(alarms[one.alarm_id], one.recorded_at))
        except AccessError as error:
            where = {"alarm": one.alarm_id, "channel": channel, "error": str(error)}
            log.warning("an alarm could not be told: the next run tries again", extra=where)
            if isinstance(error, RefusedError):
                continue  # others may be taken
            return
        with engine.begin() as connection:
            record_notice(connection, one, channel)
