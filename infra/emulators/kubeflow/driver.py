"""What the driver pod does before a task: it resolves the task's inputs and gives its outputs their places (backend/src/v2/driver).

All values are protobuf's JSON of the intermediate representation, which specs.py has held against its schema.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.emulators.kubeflow.listing import Json
from infra.emulators.kubeflow.specs import as_text

SELECTED = re.compile(r"inputs\.parameter_values\['([^']+)'\]")


class DriverError(Exception):
    """The driver's pod fails with this text: the task's own pod never starts, and none of its retries applies."""


@dataclass(frozen=True)
class RunFacts:
    """What placeholders stand for."""

    run_id: str
    display_name: str
    resource_name: str
    created: str
    root: Path
    """The pipeline root as a folder of this machine."""


@dataclass
class Group:
    """A DAG that runs: its own inputs, and what its tasks gave so far."""

    parameters: Json
    artifacts: Json
    outputs: dict[str, Json] = field(default_factory=dict)
    """By task: {"parameters": {…}, "artifacts": {name: [artifact, …]}}"""
    states: dict[str, str] = field(default_factory=dict)
    """By task, as MLMD names them: COMPLETE, FAILED, CANCELED (not triggered)."""
    told: dict[str, str] = field(default_factory=dict)
    """By task, what an exit handler is told: of a DAG whose last task was not triggered it is RUNNING, since only a launcher ends it."""


def resolve_inputs(task_name: str, task: Json, component: Json, *, group: Group, facts: RunFacts) -> Json:
    """The `inputs` of the executor input.

    Raises:
        DriverError: one cannot be resolved, or is of another type than the component wants.
    """
    definitions: Json = component.get("inputDefinitions", {}).get("parameters", {})
    parameters = {}
    for name, source in task.get("inputs", {}).get("parameters", {}).items():
        value = _parameter(task_name, source, group, facts)
        if value is None and definitions.get(name, {}).get("isOptional"):
            continue
        parameters[name] = _typed(name, value, definitions.get(name, {}))
    for name, definition in definitions.items():
        if name not in parameters and not definition.get("isOptional") and "defaultValue" not in definition:
            raise DriverError(f'neither value nor default value provided for non-optional parameter "{name}"')
        if name not in parameters and "dag" in component and definition.get("isOptional"):
            parameters[name] = definition.get("defaultValue")
    artifacts = {name: _artifacts(source, group) for name, source in task.get("inputs", {}).get("artifacts", {}).items()}
    return {"parameterValues": parameters, "artifacts": {name: {"artifacts": found} for name, found in artifacts.items()}}


def _parameter(task_name: str, source: Json, group: Group, facts: RunFacts) -> object:
    if "componentInputParameter" in source:
        if source["componentInputParameter"] not in group.parameters:
            raise DriverError(f"parent DAG does not have input parameter {source['componentInputParameter']}")
        return group.parameters[source["componentInputParameter"]]
    if "taskOutputParameter" in source:
        producer = source["taskOutputParameter"]
        given = group.outputs.get(producer["producerTask"], {}).get("parameters", {})
        if producer["outputParameterKey"] not in given:
            raise DriverError(f"cannot find output parameter key {producer['outputParameterKey']} in producer {producer['producerTask']}")
        value: object = given[producer["outputParameterKey"]]
        return value
    if "taskFinalStatus" in source:
        producer_task = source["taskFinalStatus"]["producerTask"]
        return {
            "state": group.told[producer_task],
            "pipelineTaskName": producer_task,
            "pipelineJobResourceName": facts.resource_name,
            "error": {},
        }
    return _constant(task_name, source["runtimeValue"]["constant"], facts)


def _constant(task_name: str, constant: object, facts: RunFacts) -> object:
    """A constant. A placeholder is replaced only where it is the whole text."""
    places: dict[object, object] = {
        "{{$.pipeline_job_name}}": facts.display_name,
        "{{$.pipeline_job_resource_name}}": facts.resource_name,
        "{{$.pipeline_job_uuid}}": facts.run_id,
        "{{$.pipeline_task_name}}": task_name,
        "{{$.pipeline_job_create_time_utc}}": facts.created,
        "{{$.pipeline_job_schedule_time_utc}}": facts.created,  # the creation's, too: the scheduled time is lost
    }
    return places.get(constant, constant) if isinstance(constant, str) else constant


def _typed(name: str, value: object, definition: Json) -> object:
    wanted = definition.get("parameterType", "STRING")
    if wanted == "STRING":
        return value if isinstance(value, str) else as_text(value)
    actual = {bool: "BOOLEAN", int: "NUMBER", float: "NUMBER", list: "LIST", dict: "STRUCT", str: "STRING"}[type(value)]
    if not (wanted.startswith(actual) or (wanted == "TASK_FINAL_STATUS" and actual == "STRUCT")):
        raise DriverError(f'input parameter "{name}" type mismatch: expect {wanted}, got {actual.lower()}')
    return value


def _artifacts(source: Json, group: Group) -> list[Json]:
    if "componentInputArtifact" in source:
        found = group.artifacts.get(source["componentInputArtifact"])
    else:
        producer = source["taskOutputArtifact"]
        found = group.outputs.get(producer["producerTask"], {}).get("artifacts", {}).get(producer["outputArtifactKey"])
    if not found:
        raise DriverError(f"cannot find the artifacts of {as_text(source)}")
    artifacts: list[Json] = found
    return artifacts


def provision_outputs(task_name: str, component: Json, facts: RunFacts) -> Json:
    """The `outputs` of the executor input: a folder of the run's own for each attempt of the driver."""
    definitions: Json = component.get("outputDefinitions", {})
    folder = facts.root / task_name / uuid.uuid4().hex
    artifacts = {
        name: {"artifacts": [{"name": name, "uri": str(folder / name), "type": facts_.get("artifactType", {}), "metadata": {}}]}
        for name, facts_ in definitions.get("artifacts", {}).items()
    }
    parameters = {name: {"outputFile": str(folder / "parameters" / name)} for name in definitions.get("parameters", {})}
    return {"artifacts": artifacts, "parameters": parameters, "outputFile": str(folder / "output_metadata.json")}


def holds(condition: str, parameters: Mapping[str, object]) -> bool:
    """Whether a condition holds: the part of CEL that the SDK writes for one comparison, `&&`, `||` and `!`.

    Raises:
        DriverError: it compares what cannot be compared, or is written otherwise.
    """
    names = {f"v{place}": name for place, name in enumerate(dict.fromkeys(SELECTED.findall(condition)))}
    text = SELECTED.sub(lambda match: next(short for short, name in names.items() if name == match[1]), condition)
    text = text.replace("&&", " and ").replace("||", " or ").replace("!=", "<>").replace("!", " not ").replace("<>", "!=")
    scope = {"true": True, "false": False, "int": int, "double": float, "string": str} | {
        short: parameters[name] for short, name in names.items()
    }
    if not re.fullmatch(r"[\w\s()'\"=!<>.+-]*", text):
        raise DriverError(f"condition {condition!r} is written as this emulator does not read")
    try:
        return bool(eval(text, {"__builtins__": {}}, scope))  # noqa: S307 - only names, literals and comparisons pass the line above
    except (NameError, SyntaxError, TypeError) as error:
        raise DriverError(f"failed to evaluate condition {condition!r}: {error}") from error
