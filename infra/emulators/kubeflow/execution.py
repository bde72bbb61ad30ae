"""A run's way through its DAGs, as Argo takes it with the driver's and the launcher's help: one task after another, in one thread."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from infra.emulators.kubeflow.driver import DriverError, Group, RunFacts, holds, provision_outputs, resolve_inputs
from infra.emulators.kubeflow.launcher import LOST, ArtifactIds, LaunchedTask, LauncherError, RunTask, collect_outputs, compile_command
from infra.emulators.kubeflow.listing import Json
from infra.emulators.kubeflow.pods import Namespace, PodError, environment_of, pod_of_task

PAUSE_SECONDS = 0.05
DONE = ("COMPLETE", "CANCELED")
MLMD_STATES = {"SUCCEEDED": "COMPLETE", "FAILED": "FAILED", "SKIPPED": "CANCELED"}
ALWAYS = "ALL_UPSTREAM_TASKS_COMPLETED"


@dataclass
class Node:
    """One task detail of a run, which is a node of its workflow. Kubeflow's manifests give every template a policy of retries: each task
    is a node with a child for each attempt."""

    display_name: str
    path: str
    """Argo's name of it: the way to it from the workflow's name."""
    pod: str
    """Its id, by which other nodes name it."""
    state: str
    started: datetime
    ended: datetime | None = None
    children: list[str] = field(default_factory=list)
    log: Path | None = None

    def to_json(self, run_id: str) -> Json:
        """As the API shows it; a child is named by its pod."""
        detail: Json = {
            "run_id": run_id,
            "task_id": str(uuid.uuid5(uuid.NAMESPACE_OID, self.pod)),
            "display_name": self.display_name,
            "create_time": stamp(self.started),
            "start_time": stamp(self.started),
            "end_time": stamp(self.ended) if self.ended else "1970-01-01T00:00:00Z",
            "state": self.state,
        }
        if self.children:
            detail["child_tasks"] = [{"pod_name": child} for child in self.children]
        return detail


def stamp(moment: datetime) -> str:
    """A time in the API's JSON: whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def fnv(text: str) -> int:
    """FNV-1a of 32 bits, by which Argo tells nodes and pods apart."""
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


@dataclass
class Execution:
    """The workflow of one run. What succeeded stays for a retry."""

    spec: Json
    configs: Json
    """What Kubernetes is told of each executor, by its label."""
    namespace: Namespace
    facts: RunFacts
    run_task: RunTask
    clock: Callable[[], datetime]
    logs: Path
    nodes: list[Node] = field(default_factory=list)
    kept: dict[str, Json] = field(default_factory=dict)
    """Outputs of the tasks that succeeded, by their path."""
    ids: ArtifactIds = field(default_factory=ArtifactIds)
    is_terminated: bool = False
    left_running: set[str] = field(default_factory=set)
    """DAGs, by their path, whose last task was not triggered: MLMD has them as running for ever."""

    def run(self, parameters: Json) -> str:
        """Run what has not succeeded yet. Returns the state of the run."""
        self.nodes = [node for node in self.nodes if node.state in ("SUCCEEDED", "SKIPPED")]
        root = self.spec["root"]
        definitions = root.get("inputDefinitions", {}).get("parameters", {})
        defaults = {name: facts["defaultValue"] for name, facts in definitions.items() if "defaultValue" in facts}
        node = self._node("root", "RUNNING")
        state, _ = self._run_group("root", root, defaults | parameters, {}, node)
        if self.is_terminated:  # a workflow that was terminated is Failed, and so is the run: CANCELED is never reported
            state = "FAILED"
        self._end(node, state)
        return state

    def _node(self, name: str, state: str, parent: Node | None = None) -> Node:
        above = parent.path if parent else f"{self.facts.resource_name}(0)"
        is_attempt = parent is not None and name.startswith(f"{parent.display_name}(")
        path = above + name.removeprefix(parent.display_name) if parent and is_attempt else f"{above}.{name}"
        node = Node(name, path, f"{self.facts.resource_name}-{fnv(path)}", state, self.clock())
        self.nodes.append(node)
        if parent:
            parent.children.append(node.pod)
        return node

    def _end(self, node: Node, state: str) -> None:
        node.state, node.ended = state, self.clock()

    def _run_group(self, path: str, component: Json, parameters: Json, artifacts: Json, node: Node) -> tuple[str, Json]:
        """Run a DAG. Returns its state and its outputs."""
        group, tasks = Group(parameters, artifacts), dict(component["dag"]["tasks"])
        while ready := sorted(name for name, task in tasks.items() if _is_decided(task, group)):
            name = ready[0]
            task = tasks.pop(name)
            failed = [upstream for upstream in task.get("dependentTasks", ()) if group.states[upstream] not in DONE]
            if failed and task.get("triggerPolicy", {}).get("strategy") != ALWAYS:
                group.states[name] = "FAILED"
                self._end(self._node(name, "OMITTED", node), "OMITTED")
                continue
            state, outputs = self._run_task(f"{path}/{name}", name, task, group, node)
            group.outputs[name], group.states[name] = outputs, MLMD_STATES[state]
            own = f"{path}/{name}"
            (self.left_running.add if state == "SKIPPED" or own in self.left_running else self.left_running.discard)(path)
            group.told[name] = "RUNNING" if state == "SUCCEEDED" and own in self.left_running else MLMD_STATES[state]
        succeeded = all(state in DONE for state in group.states.values()) and not tasks
        return ("SUCCEEDED", _outputs(component, group)) if succeeded else ("FAILED", {})

    def _run_task(self, path: str, name: str, task: Json, group: Group, parent: Node) -> tuple[str, Json]:
        if path in self.kept:
            return "SUCCEEDED", self.kept[path]
        component = self.spec["components"][task["componentRef"]["name"]]
        driver = self._node(f"{name}-driver", "RUNNING", parent)
        driver_attempt = self._node(f"{name}-driver(0)", "RUNNING", driver)
        driver_attempt.log = self._write_log(driver_attempt, "")
        try:
            if self.is_terminated:
                raise DriverError("workflow shutdown with strategy: Terminate")
            inputs = resolve_inputs(name, task, component, group=group, facts=self.facts)
            condition = task.get("triggerPolicy", {}).get("condition", "")
            triggers = not condition or holds(condition, inputs["parameterValues"])
        except DriverError as error:
            driver_attempt.log = self._write_log(driver_attempt, str(error))
            self._end(driver_attempt, "FAILED")
            self._end(driver, "FAILED")
            return "FAILED", {}
        self._end(driver_attempt, "SUCCEEDED")
        self._end(driver, "SUCCEEDED")
        if not triggers:
            self._end(self._node(name, "SKIPPED", parent), "SKIPPED")
            return "SKIPPED", {}
        node = self._node(name, "RUNNING", parent)
        attempt = self._node(f"{name}(0)", "RUNNING", node)
        if "dag" in component:
            artifacts = {key: found["artifacts"] for key, found in inputs["artifacts"].items()}
            state, outputs = self._run_group(path, component, inputs["parameterValues"], artifacts, attempt)
        else:
            executor = self._node("executor", "RUNNING", attempt)
            state, outputs = self._run_container(name, task, component, inputs, executor)
            self._end(executor, state)
        self._end(attempt, state)
        self._end(node, state)
        if state == "SUCCEEDED" and "dag" not in component:
            self.kept[path] = outputs
        return state, outputs

    def _run_container(self, name: str, task: Json, component: Json, inputs: Json, parent: Node) -> tuple[str, Json]:
        """Run a task's container; again, as often as its retry policy says, where its pod was lost.

        Kubeflow's own manifests give every template Argo's policy OnError, which does not repeat a container that exits with a code.
        """
        label = component["executorLabel"]
        container = self.spec["deploymentSpec"]["executors"][label]["container"]
        for name_, definition in component.get("inputDefinitions", {}).get("parameters", {}).items():
            if name_ not in inputs["parameterValues"] and "defaultValue" in definition:
                inputs["parameterValues"][name_] = definition["defaultValue"]
        attempts = 1 + int(task.get("retryPolicy", {}).get("maxRetryCount", 0))
        for attempt in range(attempts):
            node = self._node(f"executor({attempt})", "RUNNING", parent)
            node.log = self._write_log(node, "")
            outputs = provision_outputs(name, component, self.facts)
            try:
                launched = LaunchedTask(
                    run_id=self.facts.run_id,
                    name=name,
                    image=container["image"],
                    command=compile_command(container, inputs, outputs),
                    environment=self._environment(pod_of_task(container, self.configs.get(label, {})), node),
                    inputs=inputs,
                    outputs=outputs,
                    log=node.log,
                    attempt=attempt,
                )
                code, given = self._launch(launched, component)
            except (LauncherError, PodError) as error:
                code, given = 1, {}
                with node.log.open("a") as log:
                    log.write(f"{error}\n")
            self._end(node, "FAILED" if code else "SUCCEEDED")
            if not code:
                return "SUCCEEDED", given
            if self.is_terminated or code != LOST:
                break
        return "FAILED", {}

    def _environment(self, pod: Json, node: Node) -> dict[str, str]:
        """What the container is told, once it can start: until then its node is pending."""
        waited = 0.0
        while True:
            try:
                found = environment_of(pod, self.namespace, self.logs / node.pod)
            except PodError:
                if self.is_terminated or waited >= self.namespace.patience_seconds:
                    raise
                node.state, waited = "PENDING", waited + PAUSE_SECONDS
                time.sleep(PAUSE_SECONDS)
                continue
            node.state = "RUNNING"
            return found

    def _launch(self, launched: LaunchedTask, component: Json) -> tuple[int, Json]:
        _make_folders(launched)
        code = self.run_task(launched)
        if code:
            return code, {}
        given = collect_outputs(launched, component, self.ids)
        for found in launched.outputs["artifacts"].values():
            _drop_empty_folders(Path(found["artifacts"][0]["uri"]))
        return code, given

    def _write_log(self, node: Node, text: str) -> Path:
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / f"{node.pod}.log"
        path.write_text(f"{text}\n" if text else "")
        return path


def _is_decided(task: Json, group: Group) -> bool:
    return all(upstream in group.states for upstream in task.get("dependentTasks", ()))


def _make_folders(task: LaunchedTask) -> None:
    """The folders of outputs, as the launcher makes them; the outputs themselves are the task's to make."""
    for found in task.outputs["artifacts"].values():
        Path(found["artifacts"][0]["uri"]).parent.mkdir(parents=True, exist_ok=True)
    for place in task.outputs["parameters"].values():
        Path(place["outputFile"]).parent.mkdir(parents=True, exist_ok=True)


def _drop_empty_folders(folder: Path) -> None:
    """An object store, through which artifacts go from pod to pod, keeps files alone."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _outputs(component: Json, group: Group) -> Json:
    """What a group gives to the tasks after it."""
    given: Json = component["dag"].get("outputs", {})
    artifacts, parameters = {}, {}
    for name, source in given.get("artifacts", {}).items():
        selector = source["artifactSelectors"][0]
        found = group.outputs.get(selector["producerSubtask"], {}).get("artifacts", {})
        if selector["outputArtifactKey"] in found:
            artifacts[name] = found[selector["outputArtifactKey"]]
    for name, source in given.get("parameters", {}).items():
        selectors = [source["valueFromParameter"]] if "valueFromParameter" in source else source["valueFromOneof"]["parameterSelectors"]
        for selector in selectors:
            found = group.outputs.get(selector["producerSubtask"], {}).get("parameters", {})
            if selector["outputParameterKey"] in found:
                parameters[name] = found[selector["outputParameterKey"]]
    return {"parameters": parameters, "artifacts": artifacts}
