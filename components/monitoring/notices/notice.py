"""What people are told of an alarm, whatever the channel."""

from dataclasses import dataclass
from datetime import datetime

from components.monitoring.alarms import Alarm, AlarmState


@dataclass(frozen=True)
class Notice:
    """An event of an alarm that is to be told."""

    alarm: Alarm
    """As it stands after the event."""
    recorded_at: datetime

    @property
    def identity(self) -> str:
        """The same whenever the event is told, so that receivers that compare it have it once."""
        return f"{self.alarm.alarm_id}-{self.alarm.seq}"

    @property
    def headline(self) -> str:
        """What and why, in one line."""
        subject, state = self.alarm.subject, self.alarm.standing.state
        whose = f"{subject.model} {subject.version} on {subject.target}"
        if state is AlarmState.CLOSED:
            return f"{whose}: over since {self.alarm.standing.day}: {self.alarm.standing.sentence}"
        grown = "has become worse: " if state is AlarmState.WORSE else ""
        return f"{whose}: {grown}{self.alarm.headline}"

    @property
    def text(self) -> str:
        """What and why, and of what is not over the command that shows more."""
        return self.headline + self._command

    def text_within(self, most: int) -> str:
        """The text in at most so many characters: of a longer one what and why is cut, and the command stays."""
        room = most - len(self._command)
        return self.text if len(self.headline) <= room else f"{self.headline[: room - 1]}…{self._command}"

    @property
    def _command(self) -> str:
        subject, is_over = self.alarm.subject, self.alarm.standing.state is AlarmState.CLOSED
        return "" if is_over else f"\nMore: perennial alarms {subject.model} --target {subject.target}"
