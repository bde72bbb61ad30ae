"""Submit mail by SMTP, again while the server is away or busy, for a while that is bounded."""

import logging
import smtplib
import ssl
import time
from contextlib import closing, suppress
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from components.delivery import posting
from components.errors import AccessError, RefusedError

SUBMISSION, SUBMISSIONS = 587, 465
"""The ports of SMTP with STARTTLS, and of SMTP in TLS from the beginning."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
FIRST_PERMANENT = 500
"""A reply from here on says the same when it is asked again."""
log = logging.getLogger(__name__)


def submit(server: str, message: EmailMessage, *, what: str, remedy: str) -> None:
    """Submit a mail to all of its recipients at once.

    Args:
        server: smtp://USER:PASSWORD@HOST:PORT, which has to offer STARTTLS unless it is on this machine, or smtps://…. It is a secret, and
            in no sentence.
        message: what is sent.
        what: names the server in the sentence of an error: "the mail server for alarms".
        remedy: what to correct.

    Raises:
        RefusedError: the server says that it will never take the mail for anybody.
        AccessError: it takes it for nobody, after several attempts.
    """
    why = ""
    for attempt in range(posting.ATTEMPTS):
        if attempt:
            time.sleep(posting.PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            _submit(server, message)
            return
        except (smtplib.SMTPException, OSError, ValueError) as error:
            why, is_final, is_about_mail = _answer(error)
        if is_final and is_about_mail:
            raise RefusedError(f"{what} takes nothing: {why}; {remedy}")
        if is_final:
            break
    raise AccessError(f"{what} takes nothing: {why}; {remedy}")


def _answer(error: smtplib.SMTPException | OSError | ValueError) -> tuple[str, bool, bool]:
    """What a server says, whether it will say so again, and whether it says so of the mail, not of who submits it."""
    if isinstance(error, smtplib.SMTPResponseException):
        is_about_mail = isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError)
        return f"it answers {error.smtp_code}", error.smtp_code >= FIRST_PERMANENT, is_about_mail
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return f"it refuses all recipients ({', '.join(map(str, codes))})", codes[0] >= FIRST_PERMANENT, True
    if isinstance(error, ValueError) and not isinstance(error, OSError):  # its text may have the password
        return f"its address cannot be used ({type(error).__name__})", True, False
    return f"it does not answer ({type(error).__name__})", False, False


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
