"""The calls for recurring runs, and the controller that fires them (job_server.go; crd/controller/scheduledworkflow; tag 2.17.0)."""

from datetime import UTC, datetime
from zlib import crc32

from infra.emulators.kubeflow import experiments, pipelines, runs
from infra.emulators.kubeflow.cron import parse_cron
from infra.emulators.kubeflow.errors import Refusal, invalid, not_found
from infra.emulators.kubeflow.listing import Json, page
from infra.emulators.kubeflow.specs import require_inputs, strict
from infra.emulators.kubeflow.state import State, StoredRun, StoredSchedule, new_id

FIELDS = ("created_at", "recurring_run_id", "display_name", "name", "id", "updated_at", "description")
CALLER = "Failed to create a recurring run"
MODES = {"ENABLE": "ENABLED", "DISABLE": "DISABLED"}
MOST_CONCURRENCY = 10


def create(state: State, body: Json) -> Json:
    """Make a recurring run, whose version is pinned if it names one."""
    if not body.get("display_name"):
        raise invalid("Recurring run's name cannot be empty").internal_error("Failed to convert a API recurring run").wrapped(CALLER)
    experiment_id = experiments.require(state, body.get("experiment_id", ""))
    source, spec = _source(state, body)
    try:
        require_inputs(spec["pipeline_spec"], body.get("runtime_config", {}).get("parameters", {}))
    except Refusal as error:
        raise error.wrapped(
            f"{CALLER}: Failed to create a recurring run during scheduled workflow creation: invalid pipeline job inputs"
        ) from error
    shown = {key: body[key] for key in ("display_name", "description", "service_account", "trigger", "runtime_config") if body.get(key)}
    shown |= {key: body[key] for key in ("max_concurrency", "no_catchup") if body.get(key)}
    mode = "ENABLE" if body.get("mode") == "ENABLE" else "DISABLE"
    if "max_concurrency" in shown:
        shown["max_concurrency"] = str(shown["max_concurrency"])  # 64 bits are text in protobuf's JSON
    shown |= {"recurring_run_id": new_id(), "experiment_id": experiment_id, "mode": mode, "status": MODES[mode], **source}
    shown |= {"created_at": state.now(), "updated_at": state.now()}
    name = "".join(letter if letter.isalnum() else "-" for letter in shown["display_name"].lower()).strip("-")[:25]
    stored = StoredSchedule(shown, f"{name}{shown['recurring_run_id'][:5]}", spec, state.clock())
    state.schedules[shown["recurring_run_id"]] = stored
    return shown


def _source(state: State, body: Json) -> tuple[Json, Json]:
    try:
        if "pipeline_version_reference" in body:
            reference, spec = pipelines.referenced_spec(state, body["pipeline_version_reference"])
            named = "pipeline_version_id" in body["pipeline_version_reference"]
            return {"pipeline_version_reference": reference if named else body["pipeline_version_reference"]}, spec
        return {"pipeline_spec": body["pipeline_spec"]}, {"pipeline_spec": strict(body.get("pipeline_spec", {})), "platform_spec": {}}
    except Refusal as error:
        raise error.internal_error("Failed to create a recurring run with an invalid pipeline spec manifest").wrapped(CALLER) from error


def find(state: State, schedule_id: str, caller: str = "Failed to fetch a recurring run") -> StoredSchedule:
    """A recurring run."""
    if schedule_id not in state.schedules:
        raise not_found("Job", schedule_id).wrapped(caller)
    return state.schedules[schedule_id]


def list_all(state: State, query: dict[str, str]) -> Json:
    """A page of recurring runs, of one experiment if the URL names it."""
    wanted = query.get("experiment_id")
    found = [item.shown for item in state.schedules.values() if not wanted or item.shown["experiment_id"] == wanted]
    return page(found, query, fields=FIELDS, key="recurring_run_id", what="recurringRuns", name="Job")


def set_mode(state: State, schedule_id: str, mode: str) -> Json:
    """Enable or disable it. Runs in flight go on."""
    find(state, schedule_id, f"Failed to change recurring run's mode to enable:{mode == 'ENABLE'}").shown |= {
        "mode": mode,
        "status": MODES[mode],
        "updated_at": state.now(),
    }
    return {}


def delete(state: State, schedule_id: str) -> Json:
    """Delete it, and with it the workflows that it owns: a run in flight ends (Kubernetes collects what has lost its owner)."""
    find(state, schedule_id, f"Failed to delete recurring run {schedule_id}. Check if exists")
    for run in state.runs.values():
        if run.shown.get("recurring_run_id") == schedule_id and not run.has_ended:
            run.execution.is_terminated = True
    del state.schedules[schedule_id]
    return {}


def fire_due(state: State) -> list[StoredRun]:
    """What the controller does when it looks at all recurring runs: at most one run of each, if one is due."""
    fired = []
    for schedule in list(state.schedules.values()):
        due = _next_due(schedule, state.clock())
        if schedule.shown["mode"] != "ENABLE" or due > state.clock() or _active(state, schedule) >= _most(schedule):
            continue
        fired.append(fire(state, schedule))
        schedule.last_triggered = due
    return fired


def fire(state: State, schedule: StoredSchedule) -> StoredRun:
    """One run of a recurring run, now: the run is told nothing of when it was due."""
    schedule.last_index += 1
    resource = f"{schedule.resource_name}-{schedule.last_index}"
    shown = schedule.shown
    body = {"display_name": f"{resource}-{crc32(resource.encode())}", "recurring_run_id": shown["recurring_run_id"]}
    body |= {key: shown[key] for key in ("experiment_id", "runtime_config", "service_account") if key in shown}
    body |= {key: shown[key] for key in ("pipeline_version_reference", "pipeline_spec") if key in shown}
    return runs.start(state, body)


def _next_due(schedule: StoredSchedule, now: datetime) -> datetime:
    """When it is due next. Without catch-up that is the last moment of those that were missed."""
    trigger = schedule.shown.get("trigger", {}).get("cron_schedule", {})
    start = datetime.fromisoformat(trigger["start_time"]).astimezone(UTC) if "start_time" in trigger else None
    cron = parse_cron(trigger["cron"])
    due = cron.next(schedule.last_triggered or start or schedule.created)
    while schedule.shown.get("no_catchup") and (later := cron.next(due)) <= now:
        due = later
    return due


def _active(state: State, schedule: StoredSchedule) -> int:
    own = schedule.shown["recurring_run_id"]
    return sum(run.shown.get("recurring_run_id") == own and not run.has_ended for run in state.runs.values())


def _most(schedule: StoredSchedule) -> int:
    return min(max(int(schedule.shown.get("max_concurrency", 1)), 1), MOST_CONCURRENCY)
