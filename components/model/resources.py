"""The section [resources] of model.toml: what each step of a model asks of a cluster."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.model.sections import Section, Whole

Processors = Annotated[str, StringConstraints(pattern=r"^([1-9]\d*m?|\d+\.\d+)$", max_length=20)]
"""What both KFP and Kubernetes take, such as 500m, 2 or 0.5."""
Memory = Annotated[str, StringConstraints(pattern=r"^[1-9]\d*(Ki|[MGT]i?)?$", max_length=20)]
"""What both take, such as 3G or 512Mi: KFP takes no fraction, and Kubernetes no K."""
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,250}[A-Za-z0-9])?$")]


class Toleration(Section):
    """A taint of nodes that a step tolerates."""

    key: Label
    """The key of the taint."""
    value: Label | None = None
    """Its value; unless told, any."""
    effect: Literal["NoSchedule", "NoExecute", "PreferNoSchedule"] = "NoSchedule"
    """What the taint does to pods that do not tolerate it."""


class StepResources(Section):
    """What a step asks for. The defaults fit a node with 4 GB."""

    cpu: Processors = "1"
    """Processors, such as 500m, 2 or 0.5."""
    memory: Memory = "3G"
    """Memory, such as 3G or 512Mi."""
    gpu: Whole = Field(default=0, ge=0, le=16)
    """How many GPUs."""
    accelerator: Label = "nvidia.com/gpu"
    """The resource that a GPU is counted by."""
    node_selector: dict[Label, Label] = Field(default_factory=dict)
    """The labels of the nodes that a step may run on."""
    tolerations: tuple[Toleration, ...] = ()
    """The taints of nodes that a step tolerates."""
    retries: Whole = Field(default=2, ge=0, le=10)
    """How often a step is tried again, after half a minute, then twice as long each time."""
    timeout_minutes: Whole = Field(default=180, gt=0, le=10_080)
    """How long a step may take."""


class ResourcesSection(StepResources):
    """What every step asks for, and where one differs."""

    steps: dict[str, StepResources] = Field(default_factory=dict)
    """By the step's name, such as train: it has these values and no others."""

    def of(self, step: str) -> StepResources:
        """What a step asks for."""
        return self.steps.get(step, self)
