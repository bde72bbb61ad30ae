"""The steps of every pipeline: the one place that says in which room a step is and whether it needs TFX.

It lies here, and not beside the pipelines, because the steps that record a run need it, and `components` does not import `pipelines`.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class PipelineName(StrEnum):
    """The pipelines, as the registry names them."""

    TRAINING = "training"
    SCHEDULED_TRAINING = "scheduled-training"
    """Its runs are trainings, and recorded as such."""
    REPRODUCTION = "reproduction"
    MONITORING = "monitoring"


class Duty(StrEnum):
    """What a step is there for."""

    BEGIN = "begin"
    """It records the run: if it fails, the registry knows nothing of the run."""
    WORK = "work"
    END = "end"


@dataclass(frozen=True)
class StepFacts:
    """What is known of a step besides its name."""

    room: str
    """The folder of `components` that has its component.py."""
    title: str
    """What it is called where people look at a run."""
    pipelines: frozenset[PipelineName]
    needs_tfx: bool = False
    duty: Duty = Duty.WORK


class TaskState(StrEnum):
    """How a task ended."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class TaskResult:
    """One task of a run that was made on this machine."""

    name: str
    state: TaskState
    seconds: float
    log: Path
    processor_seconds: float | None = None
    """None where the step ran cold."""
    peak_bytes: int | None = None
    """The most memory that its process had, what it shares with others included; None where it ran cold."""


_SCHEDULED = frozenset({PipelineName.SCHEDULED_TRAINING})
_TRAINING = frozenset({PipelineName.TRAINING}) | _SCHEDULED
_REPRODUCTION = frozenset({PipelineName.REPRODUCTION})
_BOTH = _TRAINING | _REPRODUCTION
_MONITORING = frozenset({PipelineName.MONITORING})

STEPS = {
    "start": StepFacts("registry", "Start the run", _TRAINING, duty=Duty.BEGIN),
    "begin": StepFacts("reproduction", "Begin the reproduction", _REPRODUCTION, duty=Duty.BEGIN),
    "watch": StepFacts("monitoring", "Find the days that are due", _MONITORING, duty=Duty.BEGIN),
    "claim": StepFacts("schedules", "Claim the next window", _SCHEDULED),
    "pin": StepFacts("snapshot", "Pin the rows", _TRAINING),
    "recall": StepFacts("reproduction", "Recall the pinned rows", _REPRODUCTION),
    "inspect": StepFacts("checks", "Inspect the source", _TRAINING),
    "read": StepFacts("examples", "Read examples", _BOTH),
    "schema": StepFacts("checks", "Import the pinned schema", _BOTH),
    "statistics": StepFacts("checks", "Compute statistics", _TRAINING, needs_tfx=True),
    "validate": StepFacts("checks", "Hold the rows against the schema", _TRAINING, needs_tfx=True),
    "transform": StepFacts("training", "Prepare features", _BOTH, needs_tfx=True),
    "train": StepFacts("training", "Train the network", _BOTH, needs_tfx=True),
    "evaluate": StepFacts("evaluation", "Judge the model", _TRAINING, needs_tfx=True),
    "measure": StepFacts("evaluation", "Measure the model", _REPRODUCTION, needs_tfx=True),
    "push": StepFacts("registry", "Push the model", _TRAINING),
    "record": StepFacts("registry", "Record the version", _TRAINING),
    "compare": StepFacts("reproduction", "Compare with the version", _REPRODUCTION),
    "survey": StepFacts("monitoring", "Measure the days served", _MONITORING, needs_tfx=True),
    "alarm": StepFacts("monitoring", "Raise and close alarms", _MONITORING, needs_tfx=True),
    "finish": StepFacts("registry", "Finish the run", _BOTH | _MONITORING, duty=Duty.END),
}
"""The steps by name, in the order of the data's way."""
