"""Tell of alarms in a chat, by a webhook of Slack, of Google Chat, or of what takes the same."""

import json

from components.delivery.address import host_of
from components.delivery.posting import post
from components.monitoring.notices.notice import Notice

GOOGLE_CHAT = "chat.googleapis.com"
SLACK_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""What Slack asks to be written otherwise (docs.slack.dev/messaging/formatting-message-text); `<!channel>` would call everybody."""
GOOGLE_MARKS = str.maketrans({"<": "‹", ">": "›"})
"""Google Chat knows no such way, and `<users/all>` would call everybody."""

LONGEST = 4_000
"""Google Chat takes 4,096 characters, and Slack 40,000, which a text of so many stays below however it is escaped."""


def tell_by_webhook(address: str, notice: Notice) -> None:
    """Post the text of a notice. Values of features are in it, which anybody may have sent: they are text and nothing else.

    Raises:
        RefusedError: the receiver says that it will never take this one.
        AccessError: nobody takes it, after several attempts.
    """
    marks = GOOGLE_MARKS if host_of(address) == GOOGLE_CHAT else SLACK_MARKS
    body = json.dumps({"text": notice.text_within(LONGEST).translate(marks)}).encode()
    post(address, body, {"Content-Type": "application/json; charset=utf-8"}, what="the webhook for alarms (PERENNIAL_ALARM_WEBHOOK)")
