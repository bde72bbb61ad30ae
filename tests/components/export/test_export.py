"""`perennial export` as a user meets it: a published version, told once, from several processes too; bad input in one sentence."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from google.cloud import storage

from components.export.export import to_mlflow
from components.export.mlflow_client import MlflowClient
from components.google import vertex_model_client
from components.model.folder import read_model
from components.registry.versions import NewVersion
from components.settings import Settings
from components.storage.manifest import Manifest
from pipelines.cli.main import main
from tests.components.export.exporting import folder_of, register_measured
from tests.components.export.vertex_fake import PARENT, Vertex, answering
from tests.pipelines.command_line import CommandLine

MakeVersion = Callable[..., NewVersion]


@pytest.fixture
def version(engine: sa.Engine, new_version: MakeVersion, push: Callable[..., Manifest], name: str, tmp_path: Path) -> str:
    """The name of a model whose version 1 is pushed and recorded, not yet published."""
    with engine.begin() as connection:
        register_measured(connection, new_version(connection, manifest=push(model=name)))
    folder_of(tmp_path / "models", name)
    return name


@pytest.fixture
def settings(cloud: Settings, bucket: str, tmp_path: Path) -> Settings:
    return cloud.model_copy(update={"bucket": bucket, "models_folder": tmp_path / "models"})


@pytest.fixture
def perennial(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command in this process, where everything is imported already."""
    for variable, value in CommandLine(settings).environment.items():
        monkeypatch.setenv(variable, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["export", *arguments])

    return run


@pytest.fixture
def vertex(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vertex]:
    with answering() as vertex:
        monkeypatch.setenv("PERENNIAL_VERTEX_ENDPOINT", vertex.uri)
        yield vertex


def refused(done: Result, exit_code: int = 1) -> str:
    """The sentence."""
    assert (done.exit_code, done.stdout) == (exit_code, ""), done.output
    return done.stderr.strip().splitlines()[-1].removeprefix("Error: ")


def test_a_card_is_written_where_it_is_wanted(settings: Settings, perennial: Callable[..., Result], version: str, tmp_path: Path) -> None:
    done = CommandLine(settings).run("export", version, "1", "-o", str(tmp_path / "card"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"  card       {tmp_path}/card/model_card.json\n  text       {tmp_path}/card/README.md\n"
    assert json.loads((tmp_path / "card" / "model_card.json").read_text())["model_details"]["name"] == version
    again = json.loads(perennial(version, "1", "--json").stdout)
    text = settings.state_folder / "cards" / version / "1" / "README.md"
    assert (again["text"], text.read_text()) == (str(text), (tmp_path / "card" / "README.md").read_text())


def test_a_version_is_published_and_registered_in_mlflow(
    settings: Settings, perennial: Callable[..., Result], version: str, mlflow_uri: str, client: storage.Client
) -> None:
    made = json.loads(perennial(version, "1", "--to", "mlflow", "--tracking-uri", mlflow_uri, "--json").stdout)
    assert (made["model"], made["version"], made["aliases"], made["new"]) == (version, "1", "perennial-v1", True)
    assert client.bucket(settings.bucket).blob(f"models/{version}/1/manifest.json").exists()
    with closing(MlflowClient(settings, mlflow_uri)) as mlflow:
        found = mlflow.find("model-versions/get", name=version, version="1")
    assert found is not None
    assert found["model_version"]["source"] == f"gs://{settings.bucket}/models/{version}/1"


def test_exporters_at_once_make_one_version(settings: Settings, version: str, mlflow_uri: str) -> None:
    model = read_model(settings.models_folder, version)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: to_mlflow(settings, model, 1, uri=mlflow_uri, name=None), range(4)))
    assert sorted(one.made for one in made) == [False, False, False, True]
    assert len({(one.version, one.run_id) for one in made}) == 1


def test_a_version_is_registered_in_vertex(settings: Settings, perennial: Callable[..., Result], version: str, vertex: Vertex) -> None:
    options = ("--to", "vertex", "--serving-image", "europe-docker.pkg.dev/a/b/c:1")
    made = json.loads(perennial(version, "1", *options, "--json").stdout)
    assert (made["version"], made["new"]) == (f"{PARENT}/models/{version}@1", True)
    assert perennial(version, "1", *options).stdout.splitlines()[-1] == "  new        no"
    assert vertex.models[version][0].artifact_uri == f"gs://{settings.bucket}/models/{version}/1"


def test_bad_input_is_one_sentence(perennial: Callable[..., Result], version: str, vertex: Vertex) -> None:
    away = ("--to", "mlflow", "--tracking-uri", "http://127.0.0.1:9")
    assert refused(perennial("nobody", "1")).startswith("model 'nobody' is unknown: ")
    assert refused(perennial(version, "7")) == f"model {version!r} has no version 7: it has 1 to 1; run `perennial versions {version}`"
    assert refused(perennial(version, "1", "--to", "mlflow")) == (
        "no MLflow server is named: give --tracking-uri, or set PERENNIAL_MLFLOW_TRACKING_URI"
    )
    assert (
        refused(perennial(version, "1", *away))
        == "the MLflow server http://127.0.0.1:9 does not answer: start it, or correct --tracking-uri"
    )
    assert refused(perennial(version, "1", *away, "--name", "a' OR 1=1")).startswith('--name "a\' OR 1=1" is no name for a model: ')
    assert refused(perennial(version, "1", *away, "--name", "x" * 10_000)).startswith(f"--name '{'x' * 100}' is no name for a model: ")
    assert refused(perennial(version, "1", "--to", "vertex")).startswith("Vertex AI was given no container image to serve the version: ")
    assert refused(perennial(version, "1", "--location", "x"), exit_code=64) == "--location is of no use to --to card"


def test_without_an_endpoint_the_client_is_that_of_the_location(cloud: Settings) -> None:
    assert vertex_model_client(cloud, "europe-west4").transport._host == "https://europe-west4-aiplatform.googleapis.com"
