"""The pipeline of the watcher's recurring run: one look at all models that have a policy, in a pod of its own."""

from typing import Any

from kfp import dsl

from components.schedules.declared import WATCHER
from components.settings import IMAGE
from pipelines.training import Place

COMMAND = ("perennial", "watch", "--once", "--on", "kubeflow")


@dsl.container_component
def look() -> dsl.ContainerSpec:
    """Look at all models once: decide, submit trainings, deploy by policy, and record why."""
    return dsl.ContainerSpec(image=IMAGE, command=list(COMMAND))


def make_look(place: Place) -> Any:
    """The pipeline, its one task placed. It keeps nothing: of two looks at once, the registry lets one carry a decision out."""

    @dsl.pipeline(name=WATCHER, description="Look at all models that have a policy: decide, train, deploy by policy, and record why.")
    def watch() -> None:
        """One look."""
        place(look())

    return watch
