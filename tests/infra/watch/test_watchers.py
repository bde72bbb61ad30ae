"""Where a watcher runs: what its manifests and units run is a command, with the settings of the layer."""

import configparser
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from components.settings import PREFIX, REPOSITORY, Settings
from pipelines.cli.commands.continuous.policy import policy
from tests.components.visits import write_model
from tests.pipelines.cli.test_documentation import find_command

JOB, SCHEMA = (REPOSITORY / "infra" / "cloudrun" / name for name in ("watch.yaml", "job.schema.json"))
UNIT = REPOSITORY / "infra" / "systemd" / "perennial-watch.service"
OVERLAY = REPOSITORY / "infra" / "kubeflow" / "overlays" / "gke" / "settings.env"


def parsed(words: list[str]) -> dict[str, Any]:
    """The options that a command line comes to."""
    command, rest = find_command(words)
    assert command is not None
    return command.make_context(command.name, rest).params


def container() -> dict[str, Any]:
    (found,) = yaml.safe_load(JOB.read_text())["spec"]["template"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def check(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["check-jsonschema", "--schemafile", str(SCHEMA), str(path)], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", "", ""),
        ("maxRetries: 0", "maxRetry: 0", "'maxRetries' is a required property"),
        ("memory: 3Gi", "memory: 3G", "'3G' does not match"),
        ("@sha256:" + "0" * 64, ":latest", "does not match"),
    ],
)
def test_the_job_of_cloud_run_has_its_schema_and_a_misspelt_field_has_not(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = JOB.read_text()
    assert old in text
    path = tmp_path / "job.yaml"
    path.write_text(text.replace(old, new) if old else text)
    done = check(path)
    assert (done.returncode == 0) is not bool(says), done.stdout
    assert says in done.stdout


def test_the_job_of_cloud_run_looks_once_and_its_steps_run_its_image() -> None:
    one = container()
    assert one["command"] == ["perennial"]
    assert {name: parsed(one["args"])[name] for name in ("models", "once", "on")} == {"models": (), "once": True, "on": "kubeflow"}
    values = {each["name"]: each["value"] for each in one["env"]}
    assert values["PERENNIAL_IMAGE"] == one["image"]
    assert {name.removeprefix("PERENNIAL_").lower() for name in values} <= Settings.model_fields.keys()
    overlay = dict(re.findall(r"^(PERENNIAL_\w+)=(.*)$", OVERLAY.read_text(), re.MULTILINE))
    differs = {"PERENNIAL_KUBEFLOW_ENDPOINT"}  # Cloud Run does not resolve names of the cluster
    assert {name: values.get(name) for name in overlay.keys() - differs} == {name: overlay[name] for name in overlay.keys() - differs}


def test_the_unit_of_systemd_watches_and_begins_again() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text())
    service = unit["Service"]
    assert service["Restart"] == "always"
    program, *words = shlex.split(service["ExecStart"])
    assert Path(program).name == "perennial"
    assert {name: parsed(words)[name] for name in ("models", "once", "on", "every")} == {
        "models": (),
        "once": False,
        "on": "local",
        "every": 300,
    }


def test_the_line_for_cron_in_the_docs_looks_once() -> None:
    (line,) = re.findall(r"^    \*/5 \* \* \* \* (.*)$", (REPOSITORY / "docs" / "continuous-training.md").read_text(), re.MULTILINE)
    assert parsed(shlex.split(line)[1:])["once"] is True


def test_a_merge_lets_the_policy_of_a_model_decide_and_trains_those_that_have_none(tmp_path: Path) -> None:
    """What the script calls for each model, by a `cluster` that only tells."""
    root = tmp_path / "repository"
    shown = tmp_path / "shown"
    shown.mkdir()
    show = CliRunner(env={f"{PREFIX}MODELS_FOLDER": str(root / "pipelines" / "models")})
    for name, more in (("with_policy", '[continuous.deploy]\nprod = "never"\n'), ("without", "")):
        folder = write_model(root / "pipelines" / "models", name=name)
        (folder / "model.toml").write_text((folder / "model.toml").read_text() + more)
        (shown / name).write_text(show.invoke(policy, ["show", name, "--json"], catch_exceptions=False).output)
    scripts = root / "infra" / "cloudbuild"
    scripts.mkdir(parents=True)
    (root / "infra" / "userland").mkdir()
    (root / "infra" / "userland" / "host.sh").write_text((REPOSITORY / "infra" / "userland" / "host.sh").read_text())
    for name, text in (
        ("train-changed", (REPOSITORY / "infra" / "cloudbuild" / "train-changed").read_text()),
        ("changed-models", "#!/bin/sh\nprintf 'with_policy\\nwithout\\n'\n"),
        ("cluster", f'#!/bin/sh\n[ "$2" != policy ] || exec cat "{shown}/$4"\necho "$@"\n'),
    ):
        (scripts / name).write_text(text)
        (scripts / name).chmod(0o755)
    (root / ".cache" / "image").mkdir(parents=True)
    (root / ".cache" / "image" / "training.digest").write_text("sha256:0")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(root)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    done = subprocess.run([str(scripts / "train-changed")], capture_output=True, text=True, check=True)
    apply, watch, train = done.stdout.splitlines()
    assert apply == "perennial apply", "the watcher gets the image before anything is trained in it"
    assert watch == "perennial watch with_policy --once --on kubeflow"
    assert re.fullmatch(r"perennial train without --on kubeflow --reason code: [0-9a-f]{40}", train)
