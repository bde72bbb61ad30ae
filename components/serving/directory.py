"""What is served at a moment: the versions of each model, their states and labels, found as TensorFlow Serving finds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from components.protocol.refusal import Refusal

Loaded = TypeVar("Loaded")


class State(StrEnum):
    """Of a version, as TensorFlow Serving calls it."""

    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


class ServingRole(StrEnum):
    """What a version is there for."""

    LIVE = "live"
    CANARY = "canary"
    SHADOW = "shadow"
    PREVIOUS = "previous"


LABELS = {ServingRole.LIVE: "stable", ServingRole.CANARY: "canary", ServingRole.SHADOW: "shadow"}
"""By which requests may name versions: `stable` and `canary` are the names that TensorFlow Serving's documentation uses."""


@dataclass(frozen=True)
class VersionState:
    """The state of a version, and why it is not served."""

    state: State
    code: str = "OK"
    message: str = ""


@dataclass(frozen=True)
class ServedModel(Generic[Loaded]):
    """The versions of a model."""

    loaded: Mapping[int, Loaded] = field(default_factory=dict)
    states: Mapping[int, VersionState] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    live: int | None = None

    @property
    def default(self) -> int | None:
        """The version that answers who names none: the live one. What is loaded beside it is a canary, a shadow or was live before."""
        return self.live if self.live in self.loaded else None

    def role(self, version: int) -> ServingRole:
        """What a version is there for; a version without a label was live before."""
        return next((role for role, label in LABELS.items() if self.labels.get(label) == version), ServingRole.PREVIOUS)


@dataclass(frozen=True)
class Directory(Generic[Loaded]):
    """All models by name."""

    models: Mapping[str, ServedModel[Loaded]] = field(default_factory=dict)

    def find(self, model: str, version: int | None = None, label: str | None = None) -> tuple[int, Loaded]:
        """The version that a request names, or that answers who names none.

        Raises:
            Refusal: it is not served, in TensorFlow Serving's words.
        """
        served = self.models.get(model, ServedModel())
        if label is not None:
            if label not in served.labels:
                raise Refusal(f"Unrecognized servable version label: {label}")
            version = served.labels[label]
        asked = f"Latest({model})" if version is None else f"Specific({model}, {version})"
        found = served.default if version is None else version
        if found is None or found not in served.loaded:
            raise Refusal(f"Servable not found for request: {asked}", "NOT_FOUND")
        return found, served.loaded[found]

    def status(self, model: str, version: int | None = None) -> dict[str, object]:
        """The answer to a request for status: the versions, newest first.

        Raises:
            Refusal: there are none.
        """
        states = self.models.get(model, ServedModel()).states
        if version is not None and version not in states:
            raise Refusal(f"Could not find version {version} of model {model}", "NOT_FOUND")
        if not states:
            raise Refusal(f"Could not find any versions of model {model}", "NOT_FOUND")
        return {
            "model_version_status": [
                {"version": str(number), "state": state.state, "status": {"error_code": state.code, "error_message": state.message}}
                for number, state in sorted(states.items(), reverse=True)
                if version in (None, number)
            ]
        }
