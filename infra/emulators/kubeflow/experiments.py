"""The calls for experiments (backend/src/apiserver/server/experiment_server.go, tag 2.17.0)."""

from infra.emulators.kubeflow.errors import Code, Refusal, invalid, not_found
from infra.emulators.kubeflow.listing import Json, page
from infra.emulators.kubeflow.state import State, new_id

FIELDS = ("created_at", "experiment_id", "display_name", "name", "id", "last_run_created_at", "description", "namespace", "storage_state")
LONGEST_NAME = 128
DEFAULT = "Default"
NEVER = "1970-01-01T00:00:00Z"


def create(state: State, body: Json) -> Json:
    """Make an experiment."""
    name = body.get("display_name", "")
    if not name:
        raise invalid("Experiment name is empty. Please specify a valid experiment name").wrapped("Failed to create a experiment")
    if len(name) > LONGEST_NAME:
        raise invalid(f"Experiment.Name length cannot exceed {LONGEST_NAME}").wrapped("Failed to create a experiment")
    if any(experiment["display_name"] == name for experiment in state.experiments.values()):
        text = f"Failed to create a new experiment. The name {name} already exists. Please specify a new name"
        raise Refusal(Code.ALREADY_EXISTS, text).wrapped("Failed to create a experiment")
    made = {"experiment_id": new_id(), "display_name": name, "created_at": state.now(), "last_run_created_at": NEVER}
    made |= {"storage_state": "AVAILABLE"} | ({"description": body["description"]} if body.get("description") else {})
    state.experiments[made["experiment_id"]] = made
    return made


def read(state: State, experiment_id: str) -> Json:
    """An experiment."""
    if experiment_id not in state.experiments:
        raise not_found("Experiment", experiment_id).wrapped("Failed to fetch experiment")
    return state.experiments[experiment_id]


def list_all(state: State, query: dict[str, str]) -> Json:
    """A page of experiments."""
    named = [item | {"name": item["display_name"], "id": item["experiment_id"]} for item in state.experiments.values()]
    answer = page(named, query, fields=FIELDS, key="experiment_id", what="experiments", name="Experiment")
    if "experiments" in answer:
        answer["experiments"] = [state.experiments[item["experiment_id"]] for item in answer["experiments"]]
    return answer


def set_storage(state: State, experiment_id: str, storage: str) -> Json:
    """Archive an experiment with its runs, and disable its recurring runs; or bring the experiment alone back."""
    read(state, experiment_id)["storage_state"] = storage
    if storage == "ARCHIVED":
        for run in state.runs.values():
            if run.shown["experiment_id"] == experiment_id:
                run.shown["storage_state"] = "ARCHIVED"
        for schedule in state.schedules.values():
            if schedule.shown["experiment_id"] == experiment_id:
                schedule.shown |= {"mode": "DISABLE", "status": "DISABLED"}
    return {}


def delete(state: State, experiment_id: str) -> Json:
    """Delete an experiment; the default one stays."""
    if read(state, experiment_id)["display_name"] == DEFAULT:
        text = f"Failed to delete experiment {experiment_id}. The default experiment cannot be deleted"
        raise Refusal(Code.ABORTED, text).wrapped("Failed to delete experiment")
    del state.experiments[experiment_id]
    return {}


def require(state: State, experiment_id: str) -> str:
    """The id of an experiment that a run names, or of the default one."""
    if not experiment_id:
        return next(key for key, item in state.experiments.items() if item["display_name"] == DEFAULT)
    if experiment_id not in state.experiments:
        raise not_found("Experiment", experiment_id).wrapped(f"Failed to fetch namespace for experiment {experiment_id}")
    return experiment_id
