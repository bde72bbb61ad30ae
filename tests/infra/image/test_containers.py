"""The churn pipeline in containers, one a step, as Kubeflow would run it: `make test-image` builds the image and starts an engine."""

import io
import json
import os
import shutil
import socket
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import docker
import psutil
import pytest
from dotenv import dotenv_values

from components.cloud import Cloud
from components.google import bigquery_client
from components.model.folder import read_model
from components.runs.record import Trigger
from components.settings import ENDPOINTS_FILE, REPOSITORY, Settings
from components.snapshot.pin import latest_partition
from pipelines.local import emulators
from pipelines.local.seed import seed
from pipelines.local.services import prepare
from pipelines.run.launch import compile_pipeline, new_launch, new_run_id
from pipelines.training import training
from tests.pipelines.command_line import CHURN, CommandLine, small_churn

pytestmark = pytest.mark.containers

NOBODY = 65532
"""The user of the images."""
STEPS = {
    "start",
    "pin",
    "inspect",
    "read",
    "schema",
    "statistics",
    "validate",
    "transform",
    "train",
    "evaluate",
    "push",
    "record",
    "finish",
}


@dataclass(frozen=True)
class Finished:
    """A training in containers that ended."""

    run_id: str
    artifacts: Path
    containers: tuple[dict[str, Any], ...]
    """What the engine says of each, as `docker inspect` has it."""


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    with closing(docker.from_env()) as client:
        client.ping()
        yield client


@pytest.fixture(scope="module")
def image() -> str:
    """The name under which `make image` left the image of the steps."""
    return (REPOSITORY / ".cache" / "image" / "training.name").read_text().strip()


@pytest.fixture(scope="module")
def command_line(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The shop and the small churn, on emulators that listen where containers reach them."""
    interface = engine.networks.get("bridge").attrs["Options"]["com.docker.network.bridge.name"]
    bridge = next(address.address for address in psutil.net_if_addrs()[interface] if address.family is socket.AF_INET)
    folder = tmp_path_factory.mktemp("state")
    given: dict[str, Any] = {
        "project": "perennial-test",
        "bucket": "perennial-test-containers",
        "cloudsql_instance": "perennial-test:europe-west1:registry",
        "cloudsql_ip_type": "PUBLIC",
        "database_user": "trainer@perennial-test.iam",
        "state_folder": folder,
        "models_folder": tmp_path_factory.mktemp("models"),
    }
    emulators.start(Settings(**given), progress=lambda _: None, host=bridge)
    try:
        endpoints = {name.removeprefix("PERENNIAL_").lower(): value for name, value in dotenv_values(folder / ENDPOINTS_FILE).items()}
        settings = Settings(**(given | endpoints))
        prepare(settings)
        seed(bigquery_client(settings), settings, read_model(CHURN.parent, "churn"), through=None, progress=lambda done, of: None)
        small_churn(settings.models_folder)
        yield CommandLine(settings)
    finally:
        emulators.stop(folder, progress=lambda _: None)


@pytest.fixture(scope="module")
def here(command_line: CommandLine) -> Path:
    """The folder of a run on this machine, without containers."""
    document = command_line.json("train", "churn")
    assert (document["state"], document["version"], document["error"]) == ("SUCCEEDED", 1, None)
    return command_line.settings.state_folder / "runs" / str(document["run"]) / "artifacts"


@pytest.fixture(scope="module")
def contained(
    here: Path, command_line: CommandLine, engine: docker.DockerClient, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    """The same training in containers, by kfp's own runner for Docker and kfp's own order of the tasks."""
    from kfp import components, local

    folder = tmp_path_factory.mktemp("kfp")
    compile_pipeline(training, folder / "training.yaml", image=image)
    artifacts, secrets, models = (folder / name for name in ("artifacts", "secrets", "models"))
    artifacts.mkdir()
    secrets.mkdir()
    shutil.copy(str(command_line.settings.credentials_file), secrets / "writer.json")
    shutil.copytree(command_line.settings.models_folder, models)
    for path in (artifacts, secrets, models, *secrets.rglob("*"), *models.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    runner = local.DockerRunner(
        **confinement(),
        environment=variables(command_line.settings),
        mounts=[
            docker.types.Mount("/secrets", str(secrets), type="bind", read_only=True),
            docker.types.Mount("/models", str(models), type="bind", read_only=True),
        ],
        labels={"perennial.test": folder.name},
    )
    local.init(runner, pipeline_root=str(artifacts), raise_on_error=True)
    model = read_model(command_line.settings.models_folder, "churn")
    launch = new_launch(training, model, code_sha256=model.code_sha256(), trigger=Trigger.PERSON, reason="in containers")
    run_id = new_run_id("churn")
    with seen(engine, folder.name) as containers:
        components.load_component_from_file(str(folder / "training.yaml"))(
            run_id=run_id,
            model="churn",
            through=latest_partition(Cloud(command_line.settings), model).isoformat(),
            launch=launch.to_json(),
        )
    return Finished(run_id, artifacts, tuple(containers))


def confinement() -> dict[str, Any]:
    """What a pod of ours is allowed: nothing but to compute, and to write into one temporary folder."""
    return {
        "read_only": True,
        "tmpfs": {"/tmp": "size=2g,mode=1777"},  # noqa: S108 - in the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": "4g",
    }


def variables(settings: Settings) -> dict[str, str]:
    """What a step's pod gets from a ConfigMap; the key of the writer is mounted, as a Secret is."""
    services = ("cloudsql_endpoint", "bigquery_endpoint", "bigquery_storage_endpoint", "storage_endpoint")
    names = ("project", "bucket", "cloudsql_instance", "cloudsql_ip_type", "database_user", *services)
    own = {f"PERENNIAL_{name.upper()}": str(getattr(settings, name)) for name in names}
    return own | {"PERENNIAL_CREDENTIALS_FILE": "/secrets/writer.json", "PERENNIAL_MODELS_FOLDER": "/models"}


@contextmanager
def seen(engine: docker.DockerClient, label: str) -> Iterator[list[dict[str, Any]]]:
    """Collect how the engine describes every container with that label that starts while the block lasts."""
    found: list[dict[str, Any]] = []
    events = engine.events(decode=True, filters={"type": "container", "event": "start", "label": f"perennial.test={label}"})

    def note() -> None:
        found.extend(engine.api.inspect_container(event["id"]) for event in events)

    watch = Thread(target=note)
    watch.start()
    try:
        yield found
    finally:
        events.close()
        watch.join()


def test_every_step_ran_in_a_container_of_its_own_without_rights(contained: Finished, image: str, engine: docker.DockerClient) -> None:
    assert len(contained.containers) == len(STEPS)
    (digest,) = {container["Image"] for container in contained.containers}
    assert digest == engine.images.get(image).id
    for container in contained.containers:
        assert container["Config"]["User"] == f"{NOBODY}:{NOBODY}"
        assert container["HostConfig"]["ReadonlyRootfs"] is True
        assert container["HostConfig"]["CapDrop"] == ["ALL"]
        assert container["HostConfig"]["NetworkMode"] in ("default", "bridge")
    assert {path.name for path in contained.artifacts.glob("*/*")} >= STEPS - {"finish", "record"}


def test_examples_weights_and_metrics_are_those_of_a_run_without_containers(here: Path, contained: Finished) -> None:
    saved = "*/train/trained/Format-Serving"
    for pattern in ("*/read/examples/Split-*/*.gz", f"{saved}/variables/*", f"{saved}/assets.extra/smoke/*"):
        ours, theirs = bytes_by_name(here, pattern), bytes_by_name(contained.artifacts, pattern)
        assert len(ours) >= 2
        assert ours == theirs
    ours_measured, theirs_measured = (measured(folder) for folder in (here, contained.artifacts))
    assert ours_measured == theirs_measured
    assert ours_measured["metrics"]


def test_the_version_is_in_the_registry_with_the_story_of_its_run(contained: Finished, command_line: CommandLine) -> None:
    versions = command_line.json("versions", "churn")
    assert sorted(version["version"] for version in versions) == [1, 2]
    story = command_line.json("show", "churn", "2")
    assert (story["run"]["run"]["run_id"], story["run"]["state"]) == (contained.run_id, "SUCCEEDED")
    assert story["run"]["run"]["reason"] == "in containers"


def test_the_image_has_a_commit_a_bill_of_materials_and_no_tools_to_build(image: str, engine: docker.DockerClient) -> None:
    labels = engine.images.get(image).labels
    assert len(labels["org.opencontainers.image.revision"]) == 40
    assert image.rpartition(":")[2].removesuffix("-changed") == labels["org.opencontainers.image.revision"]
    bill = json.loads(file_of(engine, image, "sbom.cdx.json"))
    assert bill["bomFormat"] == "CycloneDX"
    names = {component["name"]: component["version"] for component in bill["components"]}
    assert (names["tfx"], names["kfp"]) == ("1.21.0", "2.17.0")
    assert {"libc6", "python3"} <= names.keys()
    assert not {"mypy", "pytest", "gcc-14", "g++-14", "make", "git"} & names.keys()
    tools = inside(engine, image, "sh", "-c", "command -v gcc g++ cc make git uv pip pip3 || true")
    assert tools == ""


def inside(engine: docker.DockerClient, image: str, *command: str) -> str:
    """What a command prints in a container of the image."""
    output: bytes = engine.containers.run(image, list(command), remove=True, network_disabled=True, **confinement())
    return output.decode()


def file_of(engine: docker.DockerClient, image: str, name: str) -> bytes:
    """A file of the image's folder. The engine's log of a command that prints it may end early."""
    container = engine.containers.create(image)
    try:
        chunks, _ = container.get_archive(f"{container.attrs['Config']['WorkingDir']}/{name}")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            member = archive.extractfile(name)
            assert member is not None
            return member.read()
    finally:
        container.remove()


def measured(artifacts: Path) -> dict[str, Any]:
    """What the evaluation says of the version itself: the second of two runs finds the first one's version as its champion."""
    results: dict[str, Any] = json.loads(next(artifacts.glob("*/evaluate/results")).read_text())
    del results["champion"]
    alone = [check for check in results["checks"] if " than version " not in check["rule"]]
    return results | {"checks": alone, "others": [split for split in results["others"] if split["version"] is None]}


def bytes_by_name(folder: Path, pattern: str) -> dict[str, bytes]:
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in folder.glob(pattern)}
