"""Where settings come from, and what happens to those that are wrong."""

import os
import re
from pathlib import Path

import pytest

from components import settings as module
from components.errors import SettingsError
from components.settings import ENDPOINTS_FILE, Settings, read_settings

FILE = """
PERENNIAL_PROJECT=from-file
PERENNIAL_BUCKET=from-file
PERENNIAL_CLOUDSQL_INSTANCE=p:r:i
PERENNIAL_DATABASE_USER=trainer
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environments `local` and `dev`, a state folder, and no variables."""
    for name in [name for name in os.environ if name.startswith("PERENNIAL_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "infra" / "environments"
    folder.mkdir(parents=True)
    (folder / "local.env").write_text(FILE)
    (folder / "dev.env").write_text(FILE)
    (tmp_path / ".perennial").mkdir()
    monkeypatch.setattr(module, "REPOSITORY", tmp_path)
    return tmp_path


def refused() -> str:
    with pytest.raises(SettingsError) as error:
        read_settings()
    return str(error.value)


def test_a_file_says_what_an_environment_is(repository: Path) -> None:
    settings = read_settings()
    assert (settings.environment, settings.project, settings.bigquery_endpoint, settings.is_local) == ("local", "from-file", None, False)


def test_the_emulators_addresses_win_over_the_file(repository: Path) -> None:
    endpoints = "PERENNIAL_PROJECT=from-endpoints\nPERENNIAL_CLOUDSQL_ENDPOINT=http://127.0.0.1:1\n"
    (repository / ".perennial" / ENDPOINTS_FILE).write_text(endpoints)
    settings = read_settings()
    assert (settings.project, settings.bucket, settings.is_local) == ("from-endpoints", "from-file", True)


def test_variables_win_over_both(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / ".perennial" / ENDPOINTS_FILE).write_text("PERENNIAL_PROJECT=from-endpoints\n")
    monkeypatch.setenv("PERENNIAL_PROJECT", "from-variable")
    monkeypatch.setenv("perennial_location", "US")
    assert (read_settings().project, read_settings().location) == ("from-variable", "US")


def test_a_mounted_config_map_wins_over_files_and_a_variable_over_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Kubernetes mounts it: each key is a link into a folder that it replaces as a whole."""
    folder, now = tmp_path / "mounted", tmp_path / "mounted" / "..2026_11_28"
    now.mkdir(parents=True)
    (folder / "..data").symlink_to(now.name)
    given = {
        "PERENNIAL_BUCKET": "mounted",
        "PERENNIAL_PROJECT": "mounted",
        "PERENNIAL_PIPELINE_ROOT": "gs://mounted",
        "PERENNIAL_TARGETS": '["blue"]\n',
        "OTHER": "x",
        "PERENNIAL_NEWER": "x",
    }
    for name, value in given.items():
        (now / name).write_text(value)
        (folder / name).symlink_to(Path("..data") / name)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "PERENNIAL_DATABASE_PASSWORD").write_text("hidden")
    monkeypatch.setenv("PERENNIAL_SETTINGS_FOLDER", f"{folder}:{secrets}")
    monkeypatch.setenv("PERENNIAL_PROJECT", "variable")
    settings = read_settings()
    assert (settings.project, settings.bucket, settings.targets, settings.database_user) == ("variable", "mounted", ("blue",), "trainer")
    assert settings.database_password is not None
    assert settings.database_password.get_secret_value() == "hidden"


@pytest.mark.parametrize(
    ("mounted", "says"),
    [
        ({}, "PERENNIAL_PIPELINE_ROOT is missing"),
        ({"PERENNIAL_TARGETS": "blue"}, 'error parsing value for field "targets" from source "SecretsSettingsSource" (Expecting value: '),
        ({"PERENNIAL_CONNECT_TIMEOUT_SECONDS": "0"}, "PERENNIAL_CONNECT_TIMEOUT_SECONDS = "),
    ],
)
def test_what_is_wrong_with_mounted_settings_is_told_with_where_they_are(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounted: dict[str, str], says: str
) -> None:
    folder, secrets = tmp_path / "mounted", tmp_path / "secrets"
    folder.mkdir()
    secrets.mkdir()
    for name, value in mounted.items():
        (folder / name).write_text(value)
    monkeypatch.setenv("PERENNIAL_SETTINGS_FOLDER", f"{folder}:{secrets}")
    sentence = refused()
    assert sentence.startswith(f"settings of environment 'local': {says}")
    assert sentence.endswith(f"; correct the ConfigMap or Secret mounted at {folder} and {secrets}, or the variable")


@pytest.mark.parametrize(("name", "what"), [("file", "is a file"), ("nowhere", "is not there")])
def test_settings_are_mounted_as_a_folder(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, what: str) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("PERENNIAL_SETTINGS_FOLDER", f"{tmp_path / name}")
    assert refused() == f"PERENNIAL_SETTINGS_FOLDER names {tmp_path / name}, which {what}: name a folder that has a file for each setting"


def test_the_owner_is_somebody_else_only_where_there_is_one(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().as_owner() == read_settings()
    monkeypatch.setenv("PERENNIAL_DATABASE_PASSWORD", "secret")
    monkeypatch.setenv("PERENNIAL_OWNER_USER", "owner@p.iam")
    monkeypatch.setenv("PERENNIAL_OWNER_CREDENTIALS_FILE", "/keys/owner.json")
    owner = read_settings().as_owner()
    assert (owner.database_user, owner.credentials_file, owner.database_password) == ("owner@p.iam", Path("/keys/owner.json"), None)


def test_the_addresses_are_looked_for_in_the_state_folder_of_the_variable(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path_factory.mktemp("state")
    (state / ENDPOINTS_FILE).write_text("PERENNIAL_PROJECT=from-there\n")
    monkeypatch.setenv("PERENNIAL_STATE_FOLDER", str(state))
    assert (read_settings().project, read_settings().state_folder) == ("from-there", state)


def test_emulators_of_this_machine_are_not_for_other_environments(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / ".perennial" / ENDPOINTS_FILE).write_text("PERENNIAL_BIGQUERY_ENDPOINT=http://127.0.0.1:1\n")
    monkeypatch.setenv("PERENNIAL_ENVIRONMENT", "dev")
    assert (read_settings().environment, read_settings().bigquery_endpoint) == ("dev", None)


def test_an_unknown_environment_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_ENVIRONMENT", "prodd")
    file = repository / "infra" / "environments" / "prodd.env"
    assert refused() == f"environment 'prodd' is unknown: {file} does not exist; set PERENNIAL_ENVIRONMENT to one that does"


def test_a_missing_setting_is_named(repository: Path) -> None:
    file = repository / "infra" / "environments" / "local.env"
    file.write_text(FILE.replace("PERENNIAL_BUCKET=from-file\n", ""))
    assert refused() == f"settings of environment 'local': PERENNIAL_BUCKET is missing; correct {file} or the variable"


def test_an_unknown_setting_in_a_file_is_named(repository: Path) -> None:
    file = repository / "infra" / "environments" / "local.env"
    file.write_text(f"{FILE}PERENNIAL_BUKET=x\nOTHER=y\n")
    assert refused() == f"settings of environment 'local': PERENNIAL_BUKET is unknown; OTHER is unknown; correct {file} or the variable"


def test_an_unknown_variable_is_named_with_what_was_meant(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_BUKET", "x")
    assert refused() == "the variable PERENNIAL_BUKET is no setting: did you mean PERENNIAL_BUCKET?"


def test_an_unknown_variable_like_no_other_is_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_ZZZ", "x")
    assert refused() == "the variable PERENNIAL_ZZZ is no setting: see components/settings.py for those there are"


@pytest.mark.parametrize("name", ["SERVICE_HOST", "CONSOLE_SERVICE_PORT_HTTP", "CONSOLE_PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR"])
def test_what_kubernetes_tells_of_a_service_is_no_setting(repository: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"PERENNIAL_{name}", "tcp://10.0.0.1:80")
    assert read_settings().project == "from-file"


def test_a_wrong_value_is_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_CONNECT_TIMEOUT_SECONDS", "soon")
    assert "PERENNIAL_CONNECT_TIMEOUT_SECONDS = 'soon': Input should be a valid number" in refused()


@pytest.mark.parametrize(
    "image", [f"europe-west1-docker.pkg.dev/p/r/training@sha256:{'0' * 64}", f"a:1@sha256:{'f' * 64}", "localhost/training:kind"]
)
def test_an_image_that_stays_the_same_is_taken(repository: Path, monkeypatch: pytest.MonkeyPatch, image: str) -> None:
    monkeypatch.setenv("PERENNIAL_IMAGE", image)
    assert read_settings().image == image


@pytest.mark.parametrize(
    "image", ["", "training", "r/training:1", "r/training:latest", "localhost/training:latest", "a@sha256:12", "a b@sha256:" + 64 * "0"]
)
def test_an_image_that_may_be_another_tomorrow_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch, image: str) -> None:
    monkeypatch.setenv("PERENNIAL_IMAGE", image)
    file = repository / "infra" / "environments" / "local.env"
    assert refused() == (
        f"settings of environment 'local': PERENNIAL_IMAGE: {image!r} may be another image tomorrow: name it by digest, "
        f"as `make image REGISTRY=…` prints it (NAME@sha256:…); correct {file} or the variable"
    )


def test_a_list_that_is_no_json_is_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_BEAM_ARGS", "--runner=x")
    assert 'error parsing value for field "beam_args"' in refused()


def test_a_list_is_given_as_json(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_BEAM_ARGS", '["--runner=DataflowRunner", "--region=europe-west1"]')
    assert read_settings().beam_args == ("--runner=DataflowRunner", "--region=europe-west1")


def test_a_password_is_never_shown(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_DATABASE_PASSWORD", "hunter2")
    settings = read_settings()
    assert settings.database_password is not None
    assert settings.database_password.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_password_is_not_shown_when_another_setting_is_wrong(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_DATABASE_PASSWORD", "hunter2")
    monkeypatch.setenv("PERENNIAL_MAXIMUM_BYTES_BILLED", "many")
    (repository / "infra" / "environments" / "local.env").write_text(FILE.replace("PERENNIAL_BUCKET=from-file\n", ""))
    assert "hunter2" not in refused()


MAIL = {"PERENNIAL_ALARM_MAIL_FROM": "p@example.org", "PERENNIAL_ALARM_MAIL_TO": '["a@example.org"]'}


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("MAIL_SERVER", "smtps://bot:hunter#22@mail.example.org"),
        ("MAIL_SERVER", "smtps://bot:hunter?22@mail.example.org"),
        ("MAIL_SERVER", "smtps://bot:22#hunter@mail.example.org"),
        ("MAIL_SERVER", "smtps://bot:hünter@mail.example.org"),
        ("MAIL_SERVER", "smtps://bot:h%C3%BCnter@mail.example.org"),
        ("MAIL_SERVER", "smtps://bot:hunter\uff0f@mail.example.org"),
        ("MAIL_SERVER", "smtps://bot:[hunter@mail.example.org"),
        ("MAIL_SERVER", "smtps://bot:x@mail.example.org:hunter"),
        ("MAIL_SERVER", "smtps://bot:x@mail.example.org:77777"),
        ("MAIL_SERVER", "mail.example.org"),
        ("WEBHOOK", "https://bot:hunter#22@chat.example.org/"),
        ("WEBHOOK", "https://chat.example.org:hunter/"),
        ("WEBHOOK", "https://chat.example.org/hunter 2"),
        ("WEBHOOK", "chat.example.org/hunter"),
        ("EVENTS", "https://[hunter/"),
        ("EVENTS", "https:///hunter"),
    ],
)
def test_a_wrong_address_of_a_receiver_is_refused_without_its_text(
    repository: Path, monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    for variable, value in (MAIL | {f"PERENNIAL_ALARM_{name}": address}).items():
        monkeypatch.setenv(variable, value)
    text = refused()
    assert f"PERENNIAL_ALARM_{name}: " in text
    assert not re.search("h.*nter|77777|example", text.partition("; correct /")[0])


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("MAIL_SERVER", "smtps://bot:hunter%2322%3F%40@mail.example.org:465"),
        ("MAIL_SERVER", "smtp://127.0.0.1:2525/"),
        ("WEBHOOK", "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t%3D"),
        ("EVENTS", "http://broker.knative.svc.cluster.local/default"),
    ],
)
def test_an_address_of_a_receiver_is_taken(repository: Path, monkeypatch: pytest.MonkeyPatch, name: str, address: str) -> None:
    for variable, value in (MAIL | {f"PERENNIAL_ALARM_{name}": address}).items():
        monkeypatch.setenv(variable, value)
    assert getattr(read_settings(), f"alarm_{name.lower()}").get_secret_value() == address


def test_an_empty_address_of_a_receiver_is_none(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEBHOOK", "EVENTS", "MAIL_SERVER", "MAIL_FROM"):
        monkeypatch.setenv(f"PERENNIAL_ALARM_{name}", "")
    settings = read_settings()
    assert (settings.alarm_webhook, settings.alarm_events, settings.alarm_mail_server, settings.alarm_mail_from) == (None,) * 4


def test_settings_cannot_be_changed(repository: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings().project = "other"  # type: ignore[misc]


def test_the_environments_of_the_repository_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    infra = module.REPOSITORY / "infra"
    for file in (infra / "environments").glob("*.env"):
        variables = infra / "kubeflow" / "overlays" / "gke" / "settings.env"  # all that the environment `cluster` has
        assert isinstance(Settings(_env_file=variables if file.stem == "cluster" else file), Settings)
