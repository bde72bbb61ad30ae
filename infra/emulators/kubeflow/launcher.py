"""What the launcher does around a task's own command: placeholders before it, outputs and metadata after it (backend/src/v2/component)."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.emulators.kubeflow.listing import Json
from infra.emulators.kubeflow.specs import as_text


@dataclass(frozen=True)
class LaunchedTask:
    """A task as its container is started."""

    run_id: str
    name: str
    """The task's name in the pipeline."""
    image: str
    command: list[str]
    environment: dict[str, str]
    inputs: Json
    """As the driver resolved them: parameterValues and artifacts."""
    outputs: Json
    log: Path
    attempt: int = 0

    def parameter(self, name: str) -> object:
        """The value of an input parameter."""
        return self.inputs["parameterValues"][name]

    def give(self, parameters: Mapping[str, object] | None = None, metadata: Mapping[str, Mapping[str, object]] | None = None) -> None:
        """Write what kfp's executor would: output parameters, and the metadata of artifacts by name."""
        path = Path(self.outputs["outputFile"])
        path.parent.mkdir(parents=True, exist_ok=True)
        artifacts = {
            name: {"artifacts": [{"name": name, "uri": self.outputs["artifacts"][name]["artifacts"][0]["uri"], "metadata": dict(values)}]}
            for name, values in (metadata or {}).items()
        }
        path.write_text(json.dumps({"parameterValues": dict(parameters or {}), "artifacts": artifacts}))


RunTask = Callable[[LaunchedTask], int]
"""Runs a task, and gives its exit code, or LOST."""
LOST = -1
"""Instead of an exit code: the pod was deleted under the task."""


class LauncherError(Exception):
    """The task's container did its work, but the launcher cannot record what it gave."""


@dataclass
class ArtifactIds:
    """Numbers artifacts as MLMD does: their names downstream are these."""

    last: int = 0
    by_uri: dict[str, int] = field(default_factory=dict)

    def next(self, uri: str) -> int:
        """The number of a new artifact."""
        self.last += 1
        self.by_uri[uri] = self.last
        return self.last


def compile_command(container: Json, inputs: Json, outputs: Json) -> list[str]:
    """The command with `{{$}}` and every other placeholder replaced, in this order: also those in the texts that people gave."""
    places = {f"{{{{$.inputs.parameters['{name}']}}}}": as_word(value) for name, value in inputs["parameterValues"].items()}
    for kind, artifacts in (("inputs", inputs["artifacts"]), ("outputs", outputs["artifacts"])):
        for name, found in artifacts.items():
            uri = found["artifacts"][0]["uri"]
            places |= {f"{{{{$.{kind}.artifacts['{name}'].uri}}}}": uri, f"{{{{$.{kind}.artifacts['{name}'].path}}}}": uri}
    for name, parameter in outputs["parameters"].items():
        places[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = parameter["outputFile"]
    executor_input = as_text({"inputs": inputs, "outputs": outputs})

    def fill(word: str) -> str:
        word = word.replace("{{$}}", executor_input)
        for place, value in places.items():
            word = word.replace(place, value)
        return word

    return [fill(word) for word in (*container.get("command", ()), *container.get("args", ()))]


def as_word(value: object) -> str:
    """A parameter as a word of a command."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else as_text(value)


def collect_outputs(task: LaunchedTask, component: Json, ids: ArtifactIds) -> Json:
    """What the task gave, as tasks after it are told of it.

    Raises:
        LauncherError: an output parameter is missing, or metadata is of a kind that MLMD does not take.
    """
    path = Path(task.outputs["outputFile"])
    written: Json = _read_strict(path) if path.is_file() else {}
    definitions = component.get("outputDefinitions", {}).get("parameters", {})
    parameters = dict(written.get("parameterValues", {}))
    for name, place in task.outputs["parameters"].items():
        if name not in parameters:
            parameters[name] = _read_parameter(name, Path(place["outputFile"]), definitions[name]["parameterType"])
    artifacts = {}
    for name, found in task.outputs["artifacts"].items():
        (own,) = found["artifacts"]
        given = written.get("artifacts", {}).get(name, {}).get("artifacts", [{}])[0]
        uri = given.get("uri") or own["uri"]
        metadata = {key: through_mlmd(name, key, value) for key, value in (own["metadata"] | given.get("metadata", {})).items()}
        metadata.setdefault("display_name", name)
        metadata.setdefault("store_session_info", "{}")
        artifacts[name] = [{"name": str(ids.next(uri)), "type": {"instanceSchema": ""}, "uri": uri, "metadata": metadata}]
    return {"parameters": parameters, "artifacts": artifacts}


def _read_strict(path: Path) -> Json:
    """The executor's output, without NaN and infinity, which protobuf's JSON does not have."""

    def refuse(word: str) -> float:
        raise LauncherError(f"failed to unmarshal ExecutorOutput: invalid value {word}")

    document: Json = json.loads(path.read_text(), parse_constant=refuse)
    return document


def _read_parameter(name: str, path: Path, kind: str) -> object:
    try:
        text = path.read_text()
    except OSError as error:
        raise LauncherError(f'failed to read output parameter name="{name}" type="{kind}" path="{path}": {error.strerror}') from error
    return text if kind == "STRING" else json.loads(text)


def through_mlmd(artifact: str, key: str, value: object) -> object:
    """A value of metadata after MLMD has kept it: truth is a number, a list or an object is in one more object.

    Raises:
        LauncherError: it is null, which MLMD has no kind for.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value)
    if isinstance(value, Sequence):
        return {"list": list(value)}
    if isinstance(value, Mapping):
        return {"struct": dict(value)}
    raise LauncherError(f"failed to convert RuntimeArtifact to MLMD artifact: {artifact}.{key}: unknown/unsupported value type {value!r}")
