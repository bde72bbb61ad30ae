"""What goes wrong between `perennial` and Kubeflow: one sentence each, and nothing half done that the next call does not finish."""

import json
import re
from datetime import date

import pytest

from components.errors import PerennialError
from components.model.folder import read_model
from components.runs.record import Trigger
from components.settings import KubeflowAuthentication, Settings
from infra.emulators.kubeflow.server import Backend, Fault
from pipelines.kubeflow import submission
from pipelines.kubeflow.api import connected
from pipelines.kubeflow.control import find_run
from pipelines.kubeflow.submission import submit
from pipelines.run.train import TrainingRequest
from tests.infra.emulators.emulator_process import free_port
from tests.pipelines.kubeflow.steps import Steps

JSON = "application/json"
LOGIN = "<!doctype html><html><head><title>Sign in - Google Accounts</title></head></html>"


def status(code: int, message: str) -> str:
    return json.dumps({"code": code, "message": f"CreateRun call failed: {message}", "details": [{"code": code, "message": message}]})


def request(settings: Settings, name: str) -> TrainingRequest:
    return TrainingRequest(read_model(settings.models_folder, name), date(1998, 5, 31), Trigger.PERSON, "because")


def refusal(settings: Settings, name: str) -> str:
    """The sentence with which a submission ends."""
    with pytest.raises(PerennialError) as caught, connected(settings) as kubeflow:
        submit(kubeflow, settings, request(settings, name))
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


LOCAL = "set it in infra/environments/local.env"
LOG_IN = "set PERENNIAL_KUBEFLOW_AUTHENTICATION to how people log in there (docs/kubeflow.md, Authentication)"
QUOTA = "a quota is exhausted; wait for runs to end or raise it, then run the same command again"
POD = 'pods "x" is forbidden: exceeded quota: compute, requested: memory=3G'


@pytest.mark.parametrize(
    ("code", "body", "words", "remedy"),
    [
        (401, status(16, "no user identity"), "no user identity", f"the token is missing or has expired; {LOG_IN}"),
        (403, status(7, "not authorized"), "not authorized", "let the account into the namespace, or use another one"),
        (404, "page not found", "page not found", "check the name"),
        (409, status(6, "it exists"), "it exists", "somebody was faster, or its state does not allow it; look, and run the command again"),
        (429, "slow down", "slow down", QUOTA),
        (
            500,
            status(13, "Internal Server Error"),
            "CreateRun call failed: Internal Server Error",
            "see `kubectl --namespace kubeflow logs deployment/ml-pipeline`, then run the same command again",
        ),
        (500, status(13, POD), POD, QUOTA),
    ],
    ids=["401", "403", "404", "409", "429", "500", "quota"],
)
def test_a_refusal_names_the_address_the_status_and_what_to_do(
    kubeflow_settings: Settings, backend: Backend, name: str, code: int, body: str, words: str, remedy: str
) -> None:
    backend.faults = [Fault("POST", "/runs", code, body, JSON)]
    said = re.sub(rf"{name}-\S+", "ID", refusal(kubeflow_settings, name))
    assert said == f"Kubeflow at {backend.url} answers {code} to create run ID ({words}): {remedy}"
    assert backend.state.runs == {}


def test_a_login_page_is_taken_for_what_it_is(kubeflow_settings: Settings, backend: Backend, name: str) -> None:
    backend.faults = [Fault("GET", "/experiments", 200, LOGIN, "text/html")]
    page = "with a web page 'Sign in - Google Accounts', not with its API"
    assert refusal(kubeflow_settings, name) == f"Kubeflow at {backend.url} answers to find experiment {name} {page}: {LOG_IN}"


def test_a_kubeflow_that_is_down_is_named_at_once(settings: Settings, name: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    said = refusal(settings.model_copy(update={"kubeflow_endpoint": url}), name)
    assert said.startswith(f"Kubeflow at {url} does not answer to find experiment {name} (")
    assert said.endswith(
        "): check PERENNIAL_KUBEFLOW_ENDPOINT and that it is up (`kubectl --namespace kubeflow get pods`), then run the same command again"
    )


def test_a_busy_kubeflow_is_asked_again_where_nothing_can_be_doubled(kubeflow_settings: Settings, backend: Backend, name: str) -> None:
    backend.faults = [Fault("GET", "/experiments", 503, "busy", times=2)]
    with connected(kubeflow_settings) as kubeflow:
        submit(kubeflow, kubeflow_settings, request(kubeflow_settings, name))
    assert len(backend.state.runs) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image": None}, f"--on kubeflow needs PERENNIAL_IMAGE: {LOCAL}"),
        ({"pipeline_root": None}, f"--on kubeflow needs PERENNIAL_PIPELINE_ROOT: {LOCAL}"),
        (
            {"kubeflow_endpoint": None},
            f"PERENNIAL_KUBEFLOW_ENDPOINT is not set: {LOCAL}, or PERENNIAL_KUBEFLOW_AUTHENTICATION=port-forward",
        ),
        (
            {"kubeflow_authentication": KubeflowAuthentication.ID_TOKEN},
            "PERENNIAL_KUBEFLOW_AUTHENTICATION=id-token needs PERENNIAL_KUBEFLOW_AUDIENCE, the client id of IAP: set it",
        ),
    ],
    ids=["no image", "no root", "no endpoint", "no audience"],
)
def test_settings_that_lack_something_are_refused_before_anything_is_asked(
    kubeflow_settings: Settings, backend: Backend, name: str, changes: dict[str, object], sentence: str
) -> None:
    assert refusal(kubeflow_settings.model_copy(update=changes), name) == sentence
    assert backend.calls == []


def test_a_token_file_that_is_not_there_is_named(kubeflow_settings: Settings, name: str) -> None:
    kubeflow_settings.kubeflow_token_file.unlink()
    said = refusal(kubeflow_settings, name)
    assert said.startswith(
        f"the token file {kubeflow_settings.kubeflow_token_file} cannot be read (No such file or directory): mount a projected"
    )


@pytest.mark.parametrize("heard", [True, False], ids=["the submission was heard", "it was not"])
def test_a_time_out_in_the_middle_of_a_submission_makes_one_run(
    kubeflow_settings: Settings, backend: Backend, name: str, heard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "UNHEARD_SECONDS", 0.0)
    settings = kubeflow_settings.model_copy(update={"answer_timeout_seconds": 0.5})
    backend.faults = [Fault("POST", "/runs", 504, "gateway time-out", happens_after=heard, seconds=1.0 if heard else 0.0)]
    with connected(settings) as kubeflow:
        run = submit(kubeflow, settings, request(settings, name))
    backend.wait()
    (only,) = backend.state.runs.values()
    assert (only.shown["run_id"], only.shown["state"]) == (run.kubeflow_run, "SUCCEEDED")


def test_a_submission_that_arrives_twice_is_executed_once(kubeflow_settings: Settings, backend: Backend, steps: Steps, name: str) -> None:
    with connected(kubeflow_settings) as kubeflow:
        submit(kubeflow, kubeflow_settings, request(kubeflow_settings, name))
        backend.wait()
        (first,) = backend.state.runs.values()
        steps.tasks.clear()
        body = {key: first.shown[key] for key in ("display_name", "description", "experiment_id", "pipeline_spec", "runtime_config")}
        kubeflow._client.call_api("/apis/v2beta1/runs", "POST", body=body, auth_settings=["Bearer"])
        backend.wait()
    assert steps.names() == ["start", "finish"]
    assert "is a double and ends" in steps.tasks[0].log.read_text()
    second = list(backend.state.runs.values())[1]
    assert second.shown["state"] == "FAILED"


def test_an_unknown_run_is_not_found(kubeflow_settings: Settings, backend: Backend) -> None:
    with pytest.raises(PerennialError) as caught, connected(kubeflow_settings) as kubeflow:
        find_run(kubeflow, kubeflow_settings, "nothing")
    assert str(caught.value) == (
        f"Kubeflow at {backend.url} answers 404 to show run nothing (Run nothing not found): `perennial runs MODEL` lists them"
    )
