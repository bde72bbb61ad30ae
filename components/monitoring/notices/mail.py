"""Tell of alarms by mail."""

import logging
import smtplib
import ssl
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from components.errors import AccessError
from components.monitoring.notices import posting
from components.monitoring.notices.notice import Notice

SUBMISSION, SUBMISSIONS = 587, 465
"""The ports of SMTP with STARTTLS, and of SMTP in TLS from the beginning."""
LONGEST_SUBJECT = 200
LOOPBACK = ("127.0.0.1", "::1", "localhost")
log = logging.getLogger(__name__)
FIRST_PERMANENT = 500
"""A reply from here on says the same when it is asked again."""


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
        AccessError: the server takes it for nobody, after several attempts.
    """
    message, why = _message(mailbox, notice), ""
    for attempt in range(posting.ATTEMPTS):
        if attempt:
            time.sleep(posting.PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            _submit(mailbox.server, message)
            return
        except smtplib.SMTPResponseException as error:
            why = f"it answers {error.smtp_code}"
            if error.smtp_code >= FIRST_PERMANENT:
                break
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            why = f"it refuses all recipients ({', '.join(map(str, sorted(codes)))})"
            if min(codes) >= FIRST_PERMANENT:
                break
        except (smtplib.SMTPException, OSError) as error:
            why = f"it does not answer ({type(error).__name__})"
    raise AccessError(f"the mail server for alarms takes nothing: {why}; correct PERENNIAL_ALARM_MAIL_SERVER and PERENNIAL_ALARM_MAIL_TO")


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


def _submit(server: str, message: EmailMessage) -> None:
    """Hand the mail to the server: whoever it refuses does not get it, if there are others that it takes."""
    parts = urlsplit(server)
    host, seconds = parts.hostname or "", posting.ANSWER_SECONDS
    if parts.scheme == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or SUBMISSIONS, timeout=seconds, context=ssl.create_default_context())
    else:
        client = smtplib.SMTP(host, parts.port or SUBMISSION, timeout=seconds)
    with closing(client):
        if parts.scheme == "smtp" and host not in LOOPBACK:
            client.starttls(context=ssl.create_default_context())
        if parts.username:
            client.login(unquote(parts.username), unquote(parts.password or ""))
        refused = client.send_message(message)
        with suppress(smtplib.SMTPException):  # it has been taken, whatever is answered to this
            client.quit()
    if refused:
        log.warning("the mail server refuses some who are to be told of alarms", extra={"recipients": len(refused)})
