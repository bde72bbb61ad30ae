"""The calls for runs (run_server.go, resource_manager.go, run_store.go; tag 2.17.0)."""

import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from infra.emulators.kubeflow import experiments, pipelines
from infra.emulators.kubeflow.driver import RunFacts
from infra.emulators.kubeflow.errors import Code, Refusal, invalid, not_found
from infra.emulators.kubeflow.execution import Execution, Node
from infra.emulators.kubeflow.listing import Json, page
from infra.emulators.kubeflow.specs import require_inputs, strict, with_macros
from infra.emulators.kubeflow.state import ENDED, State, StoredRun, new_id

FIELDS = ("created_at", "run_id", "display_name", "name", "id", "finished_at", "description", "scheduled_at", "storage_state")
FIELDS += ("status", "namespace", "experiment_id", "state", "recurring_run_id")
NEVER = "1970-01-01T00:00:00Z"
LOG_DEPTH = 3
CALLER = "Failed to create a new run"


def create(state: State, body: Json) -> Json:
    """Start a run from a spec or a version. The server knows no request id: the same call again is another run."""
    if not body.get("display_name"):
        text = "InternalServerError: Failed to convert a API run detail to its internal representation: Run name cannot be empty"
        raise Refusal(
            Code.INTERNAL, "Internal Server Error", f"CreateJob(job.ToV2())Failed to create a run due to conversion error: {text}"
        )
    return start(state, body).to_json()


def start(state: State, body: Json) -> StoredRun:
    """Start a run, whoever asks."""
    experiment_id = experiments.require(state, body.get("experiment_id", ""))
    source, spec = _source(state, body)
    run_id = body.get("run_id") or new_id()
    given = body.get("runtime_config", {}).get("parameters", {})
    parameters = with_macros(given, run_id=run_id, now=state.clock())
    try:
        require_inputs(spec["pipeline_spec"], parameters)
    except Refusal as error:
        raise error.wrapped(f"{CALLER}: Failed to generate the ExecutionSpec: invalid pipeline job inputs") from error
    if run_id in state.runs:
        raise Refusal(Code.INTERNAL, "Internal Server Error", f"InternalServerError: Failed to store run {body['display_name']} to table")
    shown = {key: body[key] for key in ("display_name", "description", "service_account", "recurring_run_id") if body.get(key)}
    shown |= {"run_id": run_id, "experiment_id": experiment_id, "state": "PENDING", "storage_state": "AVAILABLE", **source}
    shown |= {
        "created_at": state.now(),
        "scheduled_at": state.now(),
        "finished_at": NEVER,
        "runtime_config": body.get("runtime_config", {}),
    }
    shown["state_history"] = [{"update_time": state.now(), "state": "PENDING"}]
    run = StoredRun(shown, _execution(state, shown, spec), parameters)
    state.runs[run_id] = run
    state.experiments[experiment_id]["last_run_created_at"] = shown["created_at"]
    begin(state, run)
    return run


def _source(state: State, body: Json) -> tuple[Json, Json]:
    try:
        if "pipeline_version_reference" in body:
            reference, spec = pipelines.referenced_spec(state, body["pipeline_version_reference"])
            return {"pipeline_version_reference": reference}, spec
        given = body.get("pipeline_spec")
        if not given:
            raise invalid("Failed to fetch a template with an empty pipeline spec manifest")
        inner = given.get("pipeline_spec", given)
        return {"pipeline_spec": given}, {"pipeline_spec": strict(inner), "platform_spec": given.get("platform_spec", {})}
    except Refusal as error:
        raise error.internal_error("Failed to create a run due to error fetching manifest").wrapped(CALLER) from error


def _execution(state: State, shown: Json, whole: Json) -> Execution:
    spec: Json = whole["pipeline_spec"]
    configs = whole["platform_spec"].get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
    run_id, root = shown["run_id"], urlsplit(shown["runtime_config"].get("pipeline_root", "minio://mlpipeline/v2/artifacts"))
    resource = f"{spec['pipelineInfo']['name']}-{run_id[:5]}"
    folder = state.folder / root.scheme / root.netloc / root.path.strip("/") / spec["pipelineInfo"]["name"] / run_id
    facts = RunFacts(run_id, shown["display_name"], resource, shown["created_at"], folder)
    return Execution(spec, configs, state.namespace, facts, state.run_task, state.clock, state.folder / "logs" / run_id)


def begin(state: State, run: StoredRun) -> None:
    """Let a run's workflow run, in a thread."""

    def work() -> None:
        _set_state(state, run, "RUNNING")
        ended = run.execution.run(run.parameters)
        _set_state(state, run, ended)

    run.thread = threading.Thread(target=work, daemon=True)
    run.thread.start()


def _set_state(state: State, run: StoredRun, name: str) -> None:
    with state.lock:
        if run.shown["state"] == "CANCELING" and name == "RUNNING":
            return
        run.shown["state_history"] = [*run.shown["state_history"], {"update_time": state.now(), "state": name}]
        run.shown["finished_at"] = state.now() if name in ENDED else NEVER
        run.shown["state"] = name


def find(state: State, run_id: str, caller: str) -> StoredRun:
    """A run."""
    if run_id not in state.runs:
        raise not_found("Run", run_id).wrapped(caller)
    return state.runs[run_id]


def list_all(state: State, query: dict[str, str]) -> Json:
    """A page of runs, of one experiment if the URL names it."""
    if (wanted := query.get("experiment_id")) and wanted not in state.experiments:
        raise not_found("Experiment", wanted).wrapped("Failed to list runs")
    runs = [run for run in state.runs.values() if not wanted or run.shown["experiment_id"] == wanted]
    keys = [run.shown | {"name": run.shown["display_name"], "id": run.shown["run_id"]} for run in runs]
    answer = page(keys, query, fields=FIELDS, key="run_id", what="runs", name="Run")
    if "runs" in answer:
        answer["runs"] = [state.runs[item["run_id"]].to_json() for item in answer["runs"]]
    return answer


def terminate(state: State, run_id: str) -> Json:
    """Stop a run that has not ended."""
    run = find(state, run_id, f"Failed to terminate a run: Failed to terminate run {run_id} due to error fetching the run")
    if run.shown["state"] not in ("PENDING", "RUNNING", "PAUSED"):
        text = f"Failed to terminate a run {run_id}. Row not found"
        raise invalid(text).wrapped(f"Failed to terminate a run: Failed to terminate run {run_id}")
    run.shown["state"] = "CANCELING"
    run.execution.is_terminated = True
    return {}


def retry(state: State, run_id: str) -> Json:
    """Run again what failed in a run."""
    run = find(state, run_id, f"Failed to retry a run: Failed to retry run {run_id} due to error fetching the run")
    if run.shown["state"] != "FAILED":
        text = "Workflow must be Failed/Error to retry"
        raise Refusal(
            Code.ABORTED, text, f"Failed to retry a run: Failed to retry run {run_id}: BadRequestError: {text}: workflow cannot be retried"
        )
    run.execution.is_terminated = False
    begin(state, run)
    return {}


def set_storage(state: State, run_id: str, storage: str) -> Json:
    """Archive a run, or bring it back."""
    find(state, run_id, f"Failed to archive a run: Failed to archive run {run_id} as it failed to be retrieved").shown["storage_state"] = (
        storage
    )
    return {}


def delete(state: State, run_id: str) -> Json:
    """Delete a run."""
    find(state, run_id, "Failed to delete a run")
    del state.runs[run_id]
    return {}


def read_log(state: State, run_id: str, pod: str) -> str:
    """The log of a pod, or the first one below a node. The server has said 200 by the time it finds an error, which then is the body."""
    run = state.runs.get(run_id)
    nodes = run.execution.nodes if run else []
    live = next((node for node in nodes if node.log and _pod_name(node) == pod), None)
    path = (live.log if live.state != "PENDING" else None) if live else _find_log({node.pod: node for node in nodes}, pod, LOG_DEPTH)
    if path is None:
        text = f"Failed to read logs for run {run_id}"
        return f'{{"error_message":"BadRequestError: {text}: pods \\"{pod}\\" not found","error_details":"{text}"}}'
    return path.read_text(errors="replace")


def _pod_name(node: Node) -> str:
    """Of a node that is a pod (`RetrievePodName`, workflow.go)."""
    workflow, _, number = node.pod.rpartition("-")
    template = "retry-system-container-impl" if node.display_name.startswith("executor") else "system-container-driver"
    return f"{workflow}-{template}-{number}"


def _find_log(nodes: Mapping[str, Node], name: str, depth: int) -> Path | None:
    """As Argo's archive of logs is searched (`FindObjectStoreArtifactKeyOrEmpty`, workflow.go)."""
    node = nodes.get(name)
    if node is None or node.log is not None or depth == 0:
        return node.log if node and node.ended else None  # what runs is in no archive yet
    return next((log for child in node.children if (log := _find_log(nodes, child, depth - 1))), None)
