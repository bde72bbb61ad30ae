"""What a policy decides."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from components.policy.reasons import Reason, ReasonKind


class PolicyVerdict(StrEnum):
    """What is decided."""

    TRAIN = "train"
    WAIT = "wait"
    """There is a reason to train, and something speaks against it now."""
    MEND = "mend"
    """Training would not help: something else has to be put right."""
    ROLL_BACK = "roll back"
    MEASURE = "measure"
    """Nothing is trained: how fast versions age is measured first, by which a new span is judged."""
    NOTHING = "nothing"
    """There is no reason to train. It is not recorded."""


ENDING = (PolicyVerdict.TRAIN, PolicyVerdict.ROLL_BACK, PolicyVerdict.MEASURE)
"""What is carried out, and comes to an end."""


@dataclass(frozen=True)
class Decision:
    """What is decided, by which rule, and why."""

    verdict: PolicyVerdict
    rule: str
    """The name of the rule that decided, such as `cooldown`: docs/continuous-training.md lists them in order."""
    reason: str
    """One sentence that names the facts."""
    because: tuple[Reason, ...] = ()
    """The reasons to train that it answers (TRAIN), or that wait; the alarm that asks for a rollback (ROLL_BACK)."""
    not_before: datetime | None = None
    """When it is worth looking again, if a clock says so."""
    target: str | None = None
    """Where to roll back."""
    subject: tuple[str, ...] = ()
    """What else tells it from another decision by the same rule, such as alarms."""

    @property
    def kind(self) -> ReasonKind:
        """What a training is called after: the strongest of its reasons."""
        return self.because[0].kind
