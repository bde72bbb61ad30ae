"""Tell of alarms by mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime

from components.delivery.submission import submit
from components.monitoring.notices.notice import Notice

LONGEST_SUBJECT = 200


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """Who sends, to whom, by which server."""

    server: str
    """smtp://USER:PASSWORD@HOST:PORT, which has to offer STARTTLS unless it is on this machine, or smtps://…; it is a secret."""
    sender: str
    recipients: Sequence[str]


def tell_by_mail(mailbox: Mailbox, notice: Notice) -> None:
    """Send a notice to all recipients at once.

    Raises:
        RefusedError: the server says that it will never take this one for anybody.
        AccessError: the server takes it for nobody, after several attempts.
    """
    remedy = "correct PERENNIAL_ALARM_MAIL_SERVER and PERENNIAL_ALARM_MAIL_TO"
    submit(mailbox.server, _message(mailbox, notice), what="the mail server for alarms", remedy=remedy)


def _message(mailbox: Mailbox, notice: Notice) -> EmailMessage:
    """A mail whose Message-ID is the same whenever the event is told."""
    message = EmailMessage()
    message["Subject"] = " ".join(notice.headline.split())[:LONGEST_SUBJECT]
    message["From"] = mailbox.sender
    message["To"] = ", ".join(mailbox.recipients)
    message["Date"] = format_datetime(notice.recorded_at)
    message["Message-ID"] = f"<perennial-alarm-{notice.identity}-{notice.alarm.subject.model}@{mailbox.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # no automatic answers (RFC 3834)
    message.set_content(notice.text + "\n")
    return message
