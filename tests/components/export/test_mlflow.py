"""Versions in a real MLflow server: complete, once, whatever was interrupted; and what is refused, in which words."""

import math
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from components.errors import AccessError, RegistryError, SettingsError
from components.evaluation.metric import Metric
from components.export.exported_version import Exported
from components.export.mlflow import InMlflow, _metric_key, _number, export_to_mlflow
from components.export.mlflow_client import MlflowClient, checked_uri
from components.registry.versions import NewVersion
from components.settings import Settings
from tests.components.export.exporting import HOSTILE, exported

MakeVersion = Callable[..., NewVersion]
SOURCE = "gs://models/models/site/1"


@pytest.fixture
def mlflow(cloud: Settings, mlflow_uri: str) -> Iterator[MlflowClient]:
    with closing(MlflowClient(cloud, mlflow_uri)) as client:
        yield client


@pytest.fixture
def version(connection: sa.Connection, new_version: MakeVersion, tmp_path: Path) -> Exported:
    return exported(connection, new_version, tmp_path, live_on=("prod",))


@pytest.fixture
def export(mlflow: MlflowClient, cloud: Settings) -> Callable[..., InMlflow]:
    def export(version: Exported, **changes: Any) -> InMlflow:
        return export_to_mlflow(mlflow, cloud, version, **{"name": version.model.name, "source": SOURCE, **changes})

    return export


def versions_of(mlflow: MlflowClient, name: str) -> list[dict[str, Any]]:
    return list(mlflow.pages("GET", "model-versions/search", "model_versions", filter=f"name = '{name}'", max_results="100"))


def run_of(mlflow: MlflowClient, made: InMlflow) -> dict[str, Any]:
    run = mlflow.find("runs/get", run_id=made.run_id)
    assert run is not None
    return dict(run["run"])


def pairs(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {item["key"]: item["value"] for item in items}


def test_the_run_has_the_metrics_parameters_and_tags(mlflow: MlflowClient, version: Exported, export: Callable[..., InMlflow]) -> None:
    run = run_of(mlflow, export(version))
    metrics, params, tags = pairs(run["data"]["metrics"]), pairs(run["data"]["params"]), pairs(run["data"]["tags"])
    assert (metrics["auc"], metrics["auc/low"], metrics["auc/high"], metrics["auc/device/phone"]) == (0.8125, 0.79, 0.83, 0.75)
    assert math.isnan(float(metrics["precision"]))
    assert (params["through"], params["epochs"], params["rows"], params["partition_to"]) == ("1998-05-31", "3", "1000", "1998-06-01")
    assert tags["perennial.content"] == version.story.manifest.sha256
    assert tags["perennial.snapshot"] == version.story.snapshot.snapshot_id
    assert (tags["perennial.run"], tags["perennial.uri"]) == (version.story.run.run.run_id, SOURCE)
    assert tags["mlflow.source.git.commit"] == tags["perennial.commit"] == "c" * 40
    assert (run["info"]["status"], run["info"]["run_name"]) == ("FINISHED", f"{version.model.name} 1")


def test_the_model_version_points_to_the_bytes_and_the_run(
    mlflow: MlflowClient, version: Exported, export: Callable[..., InMlflow]
) -> None:
    made = export(version)
    (found,) = versions_of(mlflow, version.model.name)
    assert (found["source"], found["run_id"], found["version"], found["status"]) == (SOURCE, made.run_id, "1", "READY")
    assert pairs(found["tags"])["perennial.version"] == "1"
    assert (made.made, made.aliases) == (True, ("perennial-v1", "prod"))
    by_alias = mlflow.find("registered-models/alias", name=version.model.name, alias="prod")
    assert by_alias is not None
    assert by_alias["model_version"]["version"] == "1"


def test_exporting_again_makes_nothing_twice(mlflow: MlflowClient, version: Exported, export: Callable[..., InMlflow]) -> None:
    first, second = export(version), export(version)
    assert second == replace(first, made=False)
    assert len(versions_of(mlflow, version.model.name)) == 1
    history = mlflow.find("metrics/get-history", run_id=first.run_id, metric_key="auc")
    assert history is not None
    assert len(history["metrics"]) == 1


def test_an_alias_goes_when_the_version_is_not_live_any_more(
    mlflow: MlflowClient, version: Exported, export: Callable[..., InMlflow]
) -> None:
    export(version)
    mlflow.post("registered-models/alias", name=version.model.name, alias="of-somebody", version="1")
    made = export(replace(version, story=replace(version.story, live_on=("staging",))))
    assert made.aliases == ("perennial-v1", "staging")
    found = mlflow.find("model-versions/get", name=version.model.name, version="1")
    assert found is not None
    assert sorted(found["model_version"]["aliases"]) == ["of-somebody", "perennial-v1", "staging"]


EXPORT_AND_DIE = """
from components.export import mlflow, mlflow_client
version, uri, name, left = arguments

class Dying(mlflow_client.MlflowClient):
    def post(self, what, **body):
        global left
        answer = super().post(what, **body)
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

mlflow.export_to_mlflow(Dying(settings, uri), settings, version, name=name, source="gs://models/models/site/1")
"""
POSTS = ("model", "experiment", "run", "metrics", "params", "tags", "end", "version", "alias")


@pytest.mark.parametrize("last", [1, 3, 4, 8], ids=lambda last: f"after the {POSTS[last - 1]}")
def test_an_export_that_was_killed_is_completed_by_the_next(
    mlflow: MlflowClient,
    cloud: Settings,
    version: Exported,
    export: Callable[..., InMlflow],
    child: Callable[..., subprocess.Popen[str]],
    last: int,
) -> None:
    name = version.model.name
    killed = child(EXPORT_AND_DIE, cloud, version, mlflow.uri, name, last)
    output, _ = killed.communicate(timeout=60)
    assert killed.returncode == -9, output
    made = export(version)
    assert made.made == (last < 8)
    assert len(versions_of(mlflow, name)) == 1
    experiment = mlflow.find("experiments/get-by-name", experiment_name=f"perennial/{name}")
    assert experiment is not None
    runs = list(mlflow.pages("POST", "runs/search", "runs", experiment_ids=[experiment["experiment"]["experiment_id"]]))
    assert [run["info"]["status"] for run in runs] == ["FINISHED"]
    assert {"auc", "precision"} <= pairs(runs[0]["data"]["metrics"]).keys()


def test_a_model_of_somebody_else_is_left_alone(mlflow: MlflowClient, version: Exported, export: Callable[..., InMlflow]) -> None:
    name = version.model.name
    mlflow.post("registered-models/create", name=name)
    with pytest.raises(RegistryError) as error:
        export(version)
    assert str(error.value) == (
        f"{mlflow.uri} has a model {name!r} that is somebody else's, not this registry's: give another name with --name"
    )
    assert export(version, name=f"{name}_2").name == f"{name}_2"
    assert versions_of(mlflow, name) == []


def test_a_registry_that_was_made_anew_does_not_pass_for_the_old_one(
    mlflow: MlflowClient, version: Exported, export: Callable[..., InMlflow]
) -> None:
    export(version)
    manifest = version.story.manifest
    other = replace(manifest, entries=(replace(manifest.entries[0], sha256="0" * 64),))
    with pytest.raises(RegistryError, match=f"has version 1 of {version.model.name!r} with other bytes .*: the registry was made anew"):
        export(replace(version, story=replace(version.story, manifest=other)))


def test_a_deleted_experiment_is_named(mlflow: MlflowClient, version: Exported, export: Callable[..., InMlflow]) -> None:
    answer = mlflow.post("experiments/create", name=f"perennial/{version.model.name}")
    mlflow.post("experiments/delete", experiment_id=answer["experiment_id"])
    with pytest.raises(RegistryError, match=f"the experiment 'perennial/{version.model.name}' of {mlflow.uri} is deleted: restore it"):
        export(version)


def test_a_server_that_is_not_there_is_named(cloud: Settings) -> None:
    with closing(MlflowClient(cloud, "http://127.0.0.1:9/")) as client, pytest.raises(AccessError) as error:
        client.find("experiments/get-by-name", experiment_name="x")
    assert str(error.value) == "the MLflow server http://127.0.0.1:9 does not answer: start it, or correct --tracking-uri"


class Page(BaseHTTPRequestHandler):
    """Answers as a web server that is none of MLflow's, or as an MLflow server with log-in does to whom it does not let in."""

    def do_GET(self) -> None:
        self.server.asked.append(self.headers.get("Authorization"))  # type: ignore[attr-defined]
        body = b"You are not authenticated."
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def answering(status: int) -> Iterator[tuple[str, list[str]]]:
    """The address of such a server, and the credentials that it is asked with."""
    server = HTTPServer(("127.0.0.1", 0), Page)
    server.status, server.asked = status, []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", server.asked  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_is_none_of_mlflows_is_named(cloud: Settings) -> None:
    with answering(200) as (uri, _), closing(MlflowClient(cloud, uri)) as client:
        with pytest.raises(AccessError) as error:
            client.find("experiments/get-by-name", experiment_name="x")
    said = "it answers experiments/get-by-name with 200 (text/html; charset=utf-8)"
    assert str(error.value) == f"{uri} is no MLflow server, or it is ill: {said}"


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("credentials", "sent"),
    [
        ({}, None),
        ({"mlflow_username": "me", "mlflow_password": SecretStr("geheim ü")}, "Basic bWU6Z2VoZWltIMO8"),
        ({"mlflow_token": SecretStr("abc")}, "Bearer abc"),
    ],
)
def test_credentials_are_sent_and_named_where_they_are_refused(
    cloud: Settings, credentials: dict[str, object], sent: str | None, status: int
) -> None:
    with answering(status) as (uri, asked), closing(MlflowClient(cloud.model_copy(update=credentials), uri)) as client:
        with pytest.raises(AccessError) as error:
            client.find("experiments/get-by-name", experiment_name="x")
    variables = "PERENNIAL_MLFLOW_USERNAME and PERENNIAL_MLFLOW_PASSWORD, or PERENNIAL_MLFLOW_TOKEN"
    assert str(error.value) == f"the MLflow server {uri} refuses these credentials ({status}): correct {variables}"
    assert asked == [sent]


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("databricks", "is not that of a tracking server"),
        ("sqlite:///mlflow.db", "is not that of a tracking server"),
        ("http://", "is not that of a tracking server"),
        ("http://host/?a=b", "is not that of a tracking server"),
        ("http://host\n", "is not that of a tracking server"),
        ("http://[::1", "is none (Invalid IPv6 URL)"),
        ("http://host:port", "is none ("),
        (
            "http://me:secret@host",
            "MLflow's address holds credentials: put them in PERENNIAL_MLFLOW_USERNAME and PERENNIAL_MLFLOW_PASSWORD",
        ),
    ],
)
def test_an_address_that_is_none_of_a_server_is_refused(uri: str, why: str) -> None:
    with pytest.raises(SettingsError) as error:
        checked_uri(uri)
    assert why in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("metric", "key"),
    [
        (Metric("auc", {}, 1), "auc"),
        (Metric("auc", {"b": "x y", "a": "1"}, 1), "auc/a/1/b/x y"),
        (Metric("auc", {"a": "../../x"}, 1), "auc/a/.._.._x-"),
        (Metric("auc", {"a": ".."}, 1), "auc/a/_.._-"),
        (Metric("auc", {"a": ""}, 1), "auc/a/__-"),
        (Metric("auc", {"a": "x" * 10_000}, 1), "auc/a/" + "x" * 230 + "-"),
        (Metric("auc", {"a": HOSTILE}, 1), "auc/a/_script_alert_1_"),
    ],
)
def test_a_metric_on_a_slice_has_a_name_that_mlflow_takes(metric: Metric, key: str) -> None:
    found = _metric_key(metric)
    assert found.startswith(key)
    assert len(found) <= 245
    assert len(found) - len(key) in (0, 8) or HOSTILE in metric.slice.values()


def test_slices_that_look_alike_have_names_of_their_own() -> None:
    assert len({_metric_key(Metric("auc", {"a": value}, 1)) for value in ("x<", "x>", "x_", "x/")}) == 4


def test_numbers_that_json_lacks_are_written_as_text() -> None:
    assert [_number(value) for value in (1.5, math.nan, math.inf, -math.inf)] == [1.5, "NaN", "Infinity", "-Infinity"]
