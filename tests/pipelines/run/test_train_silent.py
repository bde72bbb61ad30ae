"""Services that take connections and never answer, throughout a run or from its midst: it ends soon, with a sentence that names which."""

import json
from pathlib import Path

import pytest

from components.runs.record import RunState
from tests.pipelines.command_line import CommandLine, quick_churn
from tests.proxy import proxy
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
START_SECONDS = 300.0
HASTY = {"PERENNIAL_ANSWER_TIMEOUT_SECONDS": "2", "PERENNIAL_CONNECT_TIMEOUT_SECONDS": "15"}


@pytest.fixture(scope="module")
def model(command_line: CommandLine) -> str:
    """A small model that the gate after training lets through whatever it has learnt."""
    folder = quick_churn(command_line.settings.models_folder, "silent")
    return folder.name


def test_a_silent_cloud_storage_is_named_and_the_run_has_failed(command_line: CommandLine, model: str) -> None:
    endpoint = command_line.settings.storage_endpoint
    assert endpoint is not None
    with proxy(endpoint) as silent:
        silent.silent.set()
        behind = CommandLine(command_line.settings, HASTY | {"PERENNIAL_STORAGE_ENDPOINT": silent.endpoint})
        shown = behind.json("train", model, exit_code=1)
        sentence = f"{silent.endpoint} does not answer: run `perennial up`"
        waiting = f"waiting for a service that does not answer (service {silent.endpoint}, seconds "
    assert (shown["state"], shown["error"]) == (RunState.FAILED, sentence)
    (run,) = command_line.runs(model)
    assert (run.state, run.error) == (RunState.FAILED, sentence)
    logs = Path(command_line.settings.state_folder, "runs", run.run.run_id, "logs").glob("*.log")
    assert any(waiting in log.read_text() for log in logs)


def test_a_cloud_sql_that_falls_silent_is_named_and_the_run_has_failed(command_line: CommandLine, model: str) -> None:
    settings = command_line.settings
    assert settings.cloudsql_endpoint is not None
    earlier = {run.run.run_id for run in command_line.runs(model)}
    with proxy(settings.cloudsql_endpoint) as silent:
        behind = CommandLine(settings, HASTY | {"PERENNIAL_CLOUDSQL_ENDPOINT": silent.endpoint})
        process = behind.start("train", model, "--json")
        logs = settings.state_folder / "runs"
        wait_until(
            lambda: {path.parts[-3] for path in logs.glob(f"{model}-*/logs/inspect.log")} - earlier or process.poll() is not None,
            "the run does not come to its first look at the data",
            seconds=START_SECONDS,
        )
        silent.silent.set()
        out, err = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 1, err
    instance, user = settings.cloudsql_instance, settings.database_user
    sentence = f"Cloud SQL instance {instance} cannot be used as {user}: no answer within 15 s; run `perennial up`"
    assert (json.loads(out)["state"], json.loads(out)["error"]) == (RunState.FAILED, sentence)
    assert command_line.json("train", model)["state"] == RunState.SUCCEEDED
    assert [(run.state, run.error) for run in command_line.runs(model)[:2]] == [(RunState.SUCCEEDED, None), (RunState.FAILED, sentence)]
