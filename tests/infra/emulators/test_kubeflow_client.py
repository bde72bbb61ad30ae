"""Kubeflow's emulator, driven by kfp's unmodified client."""

import json
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kfp_server_api
import pytest
import requests
from kfp import compiler, dsl
from kfp.client import Client

from infra.emulators.kubeflow.launcher import LOST, LaunchedTask
from infra.emulators.kubeflow.server import Backend, serving

START = datetime(2026, 11, 1, tzinfo=UTC)


@dsl.component(base_image="example.test/image", install_kfp_package=False)
def measure(text: str, run: str, rows: dsl.Output[dsl.Dataset]) -> bool:
    """Give rows, and whether they are good."""
    return True


@dsl.component(base_image="example.test/image", install_kfp_package=False)
def use(rows: dsl.Input[dsl.Dataset]):  # type: ignore[no-untyped-def]
    """Take rows."""


@dsl.component(base_image="example.test/image", install_kfp_package=False)
def close(status: dsl.PipelineTaskFinalStatus):  # type: ignore[no-untyped-def]
    """Take how the others ended."""


@dsl.pipeline(name="measuring")
def measuring(text: str = "nothing") -> None:
    with dsl.ExitHandler(close()):
        measured = measure(text=text, run=dsl.PIPELINE_JOB_ID_PLACEHOLDER).set_retry(num_retries=1)
        with dsl.If(measured.outputs["Output"] == True):  # noqa: E712 - KFP overloads the operator
            use(rows=measured.outputs["rows"])


class Tasks:
    """Runs no code: notes what it is given, and gives what the test wants."""

    def __init__(self) -> None:
        self.given: list[LaunchedTask] = []
        self.fails: Callable[[LaunchedTask], int] = lambda task: 0
        self.good = True

    def __call__(self, task: LaunchedTask) -> int:
        self.given.append(task)
        task.log.write_text(f"{task.name} speaks\n")
        if task.name == "measure":
            task.give({"Output": self.good}, {"rows": {"is_small": True, "names": ["a"], "tree": {"b": 1}, "count": 3, "kind": "x"}})
        return int(self.fails(task))

    def named(self, name: str) -> list[LaunchedTask]:
        return [task for task in self.given if task.name == name]


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backend(tmp_path: Path, tasks: Tasks, clock: Clock) -> Iterator[Backend]:
    with serving(tmp_path / "backend", tasks, clock=clock) as backend:
        yield backend


@pytest.fixture
def client(backend: Backend) -> Client:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Client(host=backend.url)


@pytest.fixture
def package(tmp_path: Path) -> str:
    path = tmp_path / "measuring.yaml"
    compiler.Compiler().compile(measuring, str(path))
    return str(path)


def run(client: Client, package: str, **options: Any) -> Any:
    arguments = {"arguments": {"text": "hello"}, "experiment_name": "churn", "pipeline_root": "gs://bucket/root", **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = client.create_run_from_pipeline_package(package, **arguments)
    return ended(client, started.run_id)


def ended(client: Client, run_id: str) -> Any:
    """The run at its end. The client's own wait asks every five seconds."""
    while (found := client.get_run(run_id)).state not in ("SUCCEEDED", "FAILED"):
        time.sleep(0.01)
    return found


def test_the_client_submits_a_run_and_waits_for_it(client: Client, tasks: Tasks, package: str) -> None:
    started = client.create_run_from_pipeline_package(package, arguments={"text": "hello"}, run_name="a run", experiment_name="churn")
    assert started.wait_for_run_completion(timeout=60).state == "SUCCEEDED"


def test_every_task_is_given_what_the_driver_resolves(client: Client, backend: Backend, tasks: Tasks, package: str) -> None:
    seen = run(client, package)
    assert (seen.state, seen.run_details.task_details[0].display_name) == ("SUCCEEDED", "root")
    assert [task.name for task in tasks.given] == ["measure", "use", "close"]
    measured, used, closed = tasks.given
    assert (measured.parameter("text"), measured.parameter("run")) == ("hello", seen.run_id)
    assert closed.parameter("status") == {
        "state": "COMPLETE",
        "pipelineTaskName": "exit-handler-1",
        "pipelineJobResourceName": f"measuring-{seen.run_id[:5]}",
        "error": {},
    }
    (rows,) = used.inputs["artifacts"]["rows"]["artifacts"]
    assert rows["uri"].startswith(str(backend.state.folder / "gs" / "bucket" / "root" / "measuring" / seen.run_id / "measure"))
    assert {detail.state for detail in seen.run_details.task_details} == {"SUCCEEDED"}
    groups = ["exit-handler-1", "measure", "condition-2", "use", "close"]
    attempts = {name: [f"{name}-driver", f"{name}-driver(0)", name, f"{name}(0)"] for name in groups}
    pods = ["executor", "executor(0)"]
    assert [detail.display_name for detail in seen.run_details.task_details] == [
        "root",
        *attempts["exit-handler-1"],
        *attempts["measure"],
        *pods,
        *attempts["condition-2"],
        *attempts["use"],
        *pods,
        *attempts["close"],
        *pods,
    ]


def test_an_empty_folder_does_not_come_through_an_object_store(client: Client, tasks: Tasks, package: str) -> None:
    def leave_folders(task: LaunchedTask) -> int:
        for found in task.outputs["artifacts"].values():
            (Path(found["artifacts"][0]["uri"]) / "full").mkdir(parents=True)
            (Path(found["artifacts"][0]["uri"]) / "empty" / "inner").mkdir(parents=True)
            (Path(found["artifacts"][0]["uri"]) / "full" / "file").write_text("rows")
        return 0

    tasks.fails = leave_folders
    run(client, package)
    (rows,) = tasks.named("use")[0].inputs["artifacts"]["rows"]["artifacts"]
    assert sorted(path.relative_to(rows["uri"]).as_posix() for path in Path(rows["uri"]).rglob("*")) == ["full", "full/file"]


def test_metadata_comes_back_as_mlmd_keeps_it(client: Client, tasks: Tasks, package: str) -> None:
    run(client, package)
    (rows,) = tasks.named("use")[0].inputs["artifacts"]["rows"]["artifacts"]
    assert rows["metadata"] == {
        "is_small": 1.0,
        "names": {"list": ["a"]},
        "tree": {"struct": {"b": 1}},
        "count": 3.0,
        "kind": "x",
        "display_name": "rows",
        "store_session_info": "{}",
    }
    assert (rows["name"], rows["type"]) == ("1", {"instanceSchema": ""})


def test_a_condition_that_does_not_hold_skips_its_tasks(client: Client, tasks: Tasks, package: str) -> None:
    tasks.good = False
    seen = run(client, package)
    states = {detail.display_name: detail.state for detail in seen.run_details.task_details}
    assert (seen.state, states["condition-2"], tasks.named("use")) == ("SUCCEEDED", "SKIPPED", [])


def test_text_of_people_meets_the_placeholders_and_macros(client: Client, tasks: Tasks, package: str) -> None:
    text = "{{$.inputs.parameters['run']}} [[CurrentTime.2006-01-02]] [[ScheduledTime]] [[Index]]"
    seen = run(client, package, arguments={"text": text})
    executor_input = json.loads(tasks.named("measure")[0].command[-3])
    assert executor_input["inputs"]["parameterValues"]["text"] == f"{seen.run_id} 2026-11-01 [[ScheduledTime]] [[Index]]"


def test_a_task_whose_pod_is_lost_is_tried_again_as_its_policy_says(client: Client, tasks: Tasks, package: str) -> None:
    tasks.fails = lambda task: LOST if task.name == "measure" and task.attempt == 0 else 0
    assert run(client, package).state == "SUCCEEDED"
    assert [task.attempt for task in tasks.named("measure")] == [0, 1]


@pytest.mark.parametrize("code", [1, 137])
def test_a_task_that_exits_with_a_code_is_not_tried_again(client: Client, tasks: Tasks, package: str, code: int) -> None:
    tasks.fails = lambda task: code if task.name == "measure" else 0
    assert run(client, package).state == "FAILED"
    assert [task.attempt for task in tasks.named("measure")] == [0]


def test_a_failed_run_is_retried_where_it_failed(client: Client, backend: Backend, tasks: Tasks, package: str) -> None:
    tasks.fails = lambda task: task.name == "use"
    seen = run(client, package)
    assert seen.state == "FAILED"
    assert tasks.named("close")[0].parameter("status")["state"] == "FAILED"  # type: ignore[index]
    tasks.given.clear()
    tasks.fails = lambda task: False
    client._run_api.run_service_retry_run(run_id=seen.run_id)
    backend.wait()
    assert client.get_run(seen.run_id).state == "SUCCEEDED"
    assert [task.name for task in tasks.given] == ["use"]


def test_a_run_that_did_not_fail_is_not_retried(client: Client, package: str) -> None:
    seen = run(client, package)
    with pytest.raises(kfp_server_api.ApiException) as caught:
        client._run_api.run_service_retry_run(run_id=seen.run_id)
    body = json.loads(caught.value.body)
    assert (caught.value.status, body["code"], body["details"][0]["message"]) == (409, 10, "Workflow must be Failed/Error to retry")


def test_a_run_is_cancelled(client: Client, backend: Backend, tasks: Tasks, package: str) -> None:
    def cancel(task: LaunchedTask) -> bool:
        client.terminate_run(task.run_id)
        return False

    tasks.fails = cancel
    seen = run(client, package)
    assert [entry.state for entry in seen.state_history] == ["PENDING", "RUNNING", "FAILED"]
    assert [task.name for task in tasks.given] == ["measure"]
    with pytest.raises(kfp_server_api.ApiException, match="Row not found"):
        client.terminate_run(seen.run_id)


def test_lists_come_in_pages_in_order_and_filtered(client: Client, package: str) -> None:
    for number in range(5):
        run(client, package, run_name=f"run {number}")
    experiment = client.get_experiment(experiment_name="churn")
    first = client.list_runs(page_size=2, sort_by="display_name desc", experiment_id=experiment.experiment_id)
    assert [item.display_name for item in first.runs] == ["run 4", "run 3"]
    second = client.list_runs(page_token=first.next_page_token, page_size=2, experiment_id=experiment.experiment_id)
    assert ([item.display_name for item in second.runs], second.total_size) == (["run 2", "run 1"], 5)
    wanted = {"predicates": [{"operation": "IS_SUBSTRING", "key": "display_name", "stringValue": "n 3"}]}
    (found,) = client.list_runs(filter=json.dumps(wanted)).runs
    assert found.display_name == "run 3"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page_size=-1", "The page size should be greater than 0. Got -1"),
        ("page_token=nonsense!", "Invalid page token"),
        ("sort_by=colour", 'Invalid sorting field: "colour" on listable type Run'),
        ("sort_by=name%20up", 'Received invalid sort by format "name up". Supported format: "field_name", "field_name desc", or '),
        (
            'filter={"predicates":[{"operation":"EQUALS","key":"colour","string_value":"red"}]}',
            'no support for filtering on unrecognized field "colour"',
        ),
    ],
)
def test_a_list_that_cannot_be_made_is_refused(backend: Backend, query: str, message: str) -> None:
    answer = requests.get(f"{backend.url}/apis/v2beta1/runs?{query}", timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert answer.json()["details"][0]["message"].startswith(message)


def test_an_unknown_run_is_not_found_as_the_server_says_it(client: Client) -> None:
    with pytest.raises(kfp_server_api.ApiException) as caught:
        client.get_run("nothing")
    assert caught.value.status == 404
    assert json.loads(caught.value.body) == {
        "code": 5,
        "message": "Failed to get a run: ResourceNotFoundError: Run nothing not found",
        "details": [{"@type": "type.googleapis.com/google.rpc.Status", "code": 5, "message": "Run nothing not found"}],
    }


def test_a_second_experiment_of_a_name_conflicts(client: Client, backend: Backend) -> None:
    client.create_experiment("churn")
    answer = requests.post(f"{backend.url}/apis/v2beta1/experiments", json={"display_name": "churn"}, timeout=30)
    assert (answer.status_code, answer.json()["details"][0]["message"]) == (
        409,
        "Failed to create a new experiment. The name churn already exists. Please specify a new name",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schemaVersion": "2.0.0"}, "KFP only supports schema version 2.1.0, but the pipeline spec has version 2.0.0"),
        ({"pipelineInfo": {"name": ""}}, "invalid v2 pipeline spec: name is empty"),
        ({"colour": "red"}, 'invalid v2 pipeline spec: Message type "ml_pipelines.PipelineSpec" has no field named "colour"'),
    ],
)
def test_a_spec_that_the_server_would_not_take_is_refused(backend: Backend, package: str, change: dict[str, Any], message: str) -> None:
    import yaml

    document = yaml.safe_load(Path(package).read_text()) | change
    file = {"uploadfile": ("measuring.yaml", yaml.safe_dump(document))}
    uploaded = requests.post(f"{backend.url}/apis/v2beta1/pipelines/upload?name=m", files=file, timeout=30)
    assert (uploaded.status_code, uploaded.json()["error_message"][: len(message)]) == (400, message)
    submitted = requests.post(f"{backend.url}/apis/v2beta1/runs", json={"display_name": "m", "pipeline_spec": document}, timeout=30)
    assert (submitted.status_code, submitted.json()["details"][0]["message"]) == (500, "Internal Server Error")
    assert message in submitted.json()["message"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"text": 3}, "input parameter text requires type string, but the input parameter is not of string value type"),
        ({"colour": "red"}, "parameter(s) provided are not required by pipeline: colour"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(backend: Backend, package: str, parameters: dict[str, Any], message: str) -> None:
    import yaml

    body = {"display_name": "m", "pipeline_spec": yaml.safe_load(Path(package).read_text()), "runtime_config": {"parameters": parameters}}
    answer = requests.post(f"{backend.url}/apis/v2beta1/runs", json=body, timeout=30)
    assert (answer.status_code, answer.json()["details"][0]["message"]) == (400, message)


def test_whoever_brings_no_token_is_turned_away(tmp_path: Path, tasks: Tasks) -> None:
    with serving(tmp_path, tasks, token="secret") as backend:
        url = f"{backend.url}/apis/v2beta1/runs"
        assert requests.get(url, timeout=30).status_code == 401
        assert requests.get(url, headers={"Authorization": "Bearer secret"}, timeout=30).json() == {}


def schedule(client: Client, package: str, **options: Any) -> Any:
    experiment = client.create_experiment("churn")
    pipeline = client.upload_pipeline(package, "measuring")
    (version,) = client.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions
    return client.create_recurring_run(
        experiment.experiment_id,
        "nightly",
        cron_expression="0 0 5 * * *",
        pipeline_id=pipeline.pipeline_id,
        version_id=version.pipeline_version_id,
        params={"text": "[[ScheduledTime]]"},
        **options,
    )


@pytest.mark.parametrize(("no_catchup", "runs"), [(False, 10), (True, 4)])
def test_a_recurring_run_fires_with_the_clock_and_catches_up_or_not(
    client: Client, backend: Backend, tasks: Tasks, clock: Clock, package: str, no_catchup: bool, runs: int
) -> None:
    schedule(client, package, no_catchup=no_catchup)
    for day in (1, 2, 3, 10):  # the controller is away from the fourth day to the ninth
        clock.now = START + timedelta(days=day - 1, hours=6)
        while backend.fire_due():
            pass
    assert len(tasks.named("measure")) == runs
    assert {task.parameter("text") for task in tasks.named("measure")} == {"[[ScheduledTime]]"}
    (shown,) = client.list_recurring_runs().recurring_runs
    assert (shown.status, shown.no_catchup, shown.trigger.cron_schedule.cron) == ("ENABLED", no_catchup or None, "0 0 5 * * *")


def test_a_disabled_recurring_run_does_not_fire(client: Client, backend: Backend, clock: Clock, package: str) -> None:
    made = schedule(client, package)
    client.disable_recurring_run(made.recurring_run_id)
    clock.now = START + timedelta(days=3)
    assert backend.fire_due() == []
    client.enable_recurring_run(made.recurring_run_id)
    assert len(backend.fire_due()) == 1


def test_what_it_answers_has_the_fields_of_the_models(client: Client, backend: Backend, package: str) -> None:
    schedule(client, package)
    run(client, package)
    for path, field, model in (
        ("experiments", "experiments", kfp_server_api.V2beta1Experiment),
        ("pipelines", "pipelines", kfp_server_api.V2beta1Pipeline),
        ("runs", "runs", kfp_server_api.V2beta1Run),
        ("recurringruns", "recurringRuns", kfp_server_api.V2beta1RecurringRun),
    ):
        items = requests.get(f"{backend.url}/apis/v2beta1/{path}", timeout=30).json()[field]
        assert {name for item in items for name in item} <= set(model.attribute_map.values()), path
    details = requests.get(f"{backend.url}/apis/v2beta1/runs", timeout=30).json()["runs"][0]["run_details"]["task_details"]
    assert {name for detail in details for name in detail} <= set(kfp_server_api.V2beta1PipelineTaskDetail.attribute_map.values())


def test_the_log_of_a_pod_is_read_by_its_name(client: Client, backend: Backend, package: str) -> None:
    details = run(client, package).run_details.task_details
    (pod,) = next(detail for detail in details if detail.display_name == "use").child_tasks
    url = f"{backend.url}/apis/v1alpha1/runs/{details[0].run_id}/nodes/{{}}/log"
    assert requests.get(url.format(pod.pod_name), timeout=30).text == "use speaks\n"
    missing = requests.get(url.format("nothing"), timeout=30)
    assert (missing.status_code, "not found" in missing.json()["error_message"]) == (200, True)
