"""The one place where Perennial reads its settings: files of an environment, then the environment's variables."""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from components.delivery.address import require_mail_server, require_web_address
from components.errors import EmulatorError, SettingsError
from components.validation import refusals

PREFIX = "PERENNIAL_"
SERVICE_LINK = re.compile(r"_(SERVICE_(HOST|PORT)|PORT(_\d+_(TCP|UDP))?)(_|$)")
"""What Kubernetes sets for each Service beside a pod, such as PERENNIAL_CONSOLE_SERVICE_HOST: no settings of ours."""
REPOSITORY = Path(__file__).parent.parent
IMAGE = "perennial-python:placeholder"
"""Stands for the container image of every step until `perennial compile` or a submission puts the settings' one in its place."""
SETTINGS_FOLDER = f"{PREFIX}SETTINGS_FOLDER"
"""Names folders with a file for each setting, as PATH does: a ConfigMap and a Secret that are mounted. It is a variable and no setting."""
ENDPOINTS_FILE = "endpoints.env"
"""Written into the state folder by `perennial up`: where the emulators listen."""

Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
MailAddress = Annotated[str, StringConstraints(pattern=r"^[^@\s,<>]+@[^@\s,<>]+$")]
"""Of a mailbox."""
Target = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


PINNED_IMAGE = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}|localhost/[a-z0-9._/-]+:(?!latest$)[\w.-]+")


def require_pinned(image: str) -> str:
    """The name of an image that stays the same image: by digest, or localhost/NAME:TAG, which only this machine and its clusters have.

    Raises:
        ValueError: it may be another image tomorrow.
    """
    if not PINNED_IMAGE.fullmatch(image):
        raise ValueError(
            f"{image!r} may be another image tomorrow: name it by digest, as `make image REGISTRY=…` prints it (NAME@sha256:…)"
        )
    return image


def _secret(require: Callable[[str], None]) -> AfterValidator:
    """Holds a secret against what it must be. What is said of a wrong one must have nothing of it."""

    def validate(secret: SecretStr) -> SecretStr:
        require(secret.get_secret_value())
        return secret

    return AfterValidator(validate)


WebAddress = Annotated[SecretStr, _secret(require_web_address)]
MailServer = Annotated[SecretStr, _secret(require_mail_server)]
UNLESS_EMPTY = BeforeValidator(lambda value: value or None)
"""Whoever hands a secret over that they have not got hands over an empty text."""


class KubeflowAuthentication(StrEnum):
    """How Kubeflow is told who asks (docs/kubeflow.md)."""

    PLAIN = "plain"
    ID_TOKEN = "id-token"  # noqa: S105 - the name of a way
    CLUSTER = "cluster"
    PORT_FORWARD = "port-forward"


class Settings(BaseSettings):
    """Where the services, buckets and folders are. On Google Cloud the endpoints stay None and every client uses its default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    environment: str = "local"
    project: Name
    location: str = "EU"
    """BigQuery's and Cloud Storage's location."""
    bucket: Name
    """The bucket that holds the model versions."""
    serving_bucket: str | None = None
    """The bucket of what targets are told to serve, which is replaced at every deployment; None means `bucket`. See docs/storage.md."""
    targets: Annotated[tuple[Target, ...], Field(min_length=1)] = ("local", "staging", "prod")
    """Where versions are deployed: each has a configuration of its own for TensorFlow Serving in the bucket."""
    models_folder: Path = REPOSITORY / "pipelines" / "models"
    state_folder: Path = REPOSITORY / ".perennial"
    """Runs, reports, caches and the emulators' state."""
    cache_folder: Path | None = None
    """Examples and profiles that need not be made again; None means `cache` in the state folder."""
    credentials_file: Path | None = None
    """A service account's key; None means Application Default Credentials."""

    bigquery_endpoint: str | None = None
    bigquery_storage_endpoint: str | None = None
    """host:port of a plaintext gRPC emulator."""
    storage_endpoint: str | None = None
    cloudsql_endpoint: str | None = None

    cloudsql_instance: Name
    """project:region:instance"""
    cloudsql_ip_type: str = "PRIVATE"
    database: str = "registry"
    database_user: Name
    """A built-in user, or an IAM service account without `.gserviceaccount.com`."""
    database_password: SecretStr | None = None
    """None means IAM authentication."""
    owner_user: str | None = None
    """Who changes the registry's schema (`perennial migrate`), by IAM authentication; None: the database's user does."""
    owner_credentials_file: Path | None = None
    """The key of `owner_user`; None means the same credentials."""
    connect_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    answer_timeout_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How long BigQuery and Cloud Storage may take to answer a request; after twice as long without any answer a command or step ends."""

    step_timeout_seconds: Annotated[float, Field(gt=0, le=7 * 86_400)] = 6 * 3600.0
    """How long a step of a pipeline may take, from 0 to a week. One that has not ended by then fails."""

    mlflow_tracking_uri: str | None = None
    """Where `perennial export --to mlflow` registers versions: http(s)://HOST"""
    mlflow_username: str | None = None
    mlflow_password: SecretStr | None = None
    mlflow_token: SecretStr | None = None
    """Sent as a bearer's, instead of name and password."""
    vertex_location: str | None = None
    """Of Vertex AI Model Registry; None means the region of Cloud SQL."""
    vertex_endpoint: str | None = None
    vertex_serving_image: str | None = None
    """The container in which Vertex AI serves an exported version."""

    alarm_webhook: Annotated[WebAddress | None, UNLESS_EMPTY] = None
    """Where alarms are told: https://…, which takes what Slack and Google Chat take; None tells nobody."""
    alarm_events: Annotated[WebAddress | None, UNLESS_EMPTY] = None
    """Where alarms go as CloudEvents: https://…"""
    alarm_mail_server: Annotated[MailServer | None, UNLESS_EMPTY] = None
    """The server by which alarms go out as mail: smtps://USER:PASSWORD@HOST, or smtp:// with STARTTLS."""
    alarm_mail_from: Annotated[MailAddress | None, UNLESS_EMPTY] = None
    alarm_mail_to: tuple[MailAddress, ...] = ()

    trainings_at_once: Annotated[int, Field(gt=0)] = 20
    """No watcher begins a training while so many of other models are under way. One machine trains one model at a time anyway."""

    stock_executors: bool = False
    """Run TFX's own StatisticsGen, Transform and Evaluator; ours give the same results in less time."""
    maximum_bytes_billed: int = 1_000_000_000_000
    pipeline_root: str | None = None
    """Where Kubeflow keeps artifacts, gs://…; None on one machine, which keeps them in the state folder."""
    kubeflow_endpoint: str | None = None
    kubeflow_ui: str | None = None
    """Where people find Kubeflow's pages; None means the endpoint."""
    kubeflow_authentication: KubeflowAuthentication = KubeflowAuthentication.PLAIN
    kubeflow_audience: str | None = None
    """Of the ID token: the OAuth client id of Identity-Aware Proxy."""
    kubeflow_service_account: str | None = None
    """Whom the ID token stands for, by impersonation; None means whoever asks."""
    kubeflow_token_file: Path = Path("/var/run/secrets/kubeflow/pipelines/token")
    kubeflow_namespace: str = "kubeflow"
    kubeflow_steps_account: str | None = None
    """The Kubernetes service account of the steps; None means Kubeflow's default."""
    kubeflow_credentials_secret: str | None = None
    """A Secret with the service account's key, mounted where `credentials_file` is; None where the pods' account needs none."""
    kubeflow_config_map: str = "perennial"
    """Gives the steps their settings; `kubeflow_secret` gives them their secrets."""
    kubeflow_secret: str = "perennial-secrets"  # noqa: S105 - its name
    image: Annotated[str, AfterValidator(require_pinned)] | None = None
    """The container image of every step, pinned by digest."""
    beam_args: tuple[str, ...] = (
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
        "--direct_running_mode=in_memory",
        "--direct_num_workers=1",
        "--max_cache_memory_usage_mb=0",  # a cache of state that is in this process anyway: measuring its size takes longer
        "--no_pipeline_type_check",  # TFX's own pipelines: their types hold, and checking them takes half a second
        f"--sdk_container_image={IMAGE}",  # says that workers have TFX: else TFX packs itself anew for each step, a second each
    )

    @model_validator(mode="after")
    def _can_send_mail(self) -> Self:
        if self.alarm_mail_server and not (self.alarm_mail_from and self.alarm_mail_to):
            raise ValueError("alarm_mail_server is set, and alarm_mail_from or alarm_mail_to is not: say from whom and to whom")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - what pydantic-settings calls it with
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """A mounted ConfigMap stands in for variables, so it wins over files of an environment."""
        return init_settings, env_settings, file_secret_settings, dotenv_settings

    @property
    def is_local(self) -> bool:
        """Whether the services are emulators on this machine."""
        return self.cloudsql_endpoint is not None

    @property
    def configuration_bucket(self) -> str:
        """The bucket of the targets' configurations."""
        return self.serving_bucket or self.bucket

    def as_owner(self) -> "Settings":
        """These settings, for the user who owns the registry's tables."""
        if self.owner_user is None:
            return self
        changes = {"database_user": self.owner_user, "database_password": None}
        return self.model_copy(update=changes | {"credentials_file": self.owner_credentials_file or self.credentials_file})

    @property
    def caches(self) -> Path:
        """The folder of what is kept because making it takes long. It is safe to delete."""
        return self.cache_folder or self.state_folder / "cache"


def read_settings() -> Settings:
    """The settings of the environment that PERENNIAL_ENVIRONMENT names, `local` unless told.

    Later sources win: infra/environments/NAME.env, the state folder's endpoints.env (only for `local`), the folders that
    PERENNIAL_SETTINGS_FOLDER names, then variables.

    Raises:
        SettingsError: the environment is unknown, a folder is not there, or a setting is missing, wrong or unknown.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}  # noqa: TID251 - the one place
    name = variables.get(f"{PREFIX}ENVIRONMENT", "local")
    file = REPOSITORY / "infra" / "environments" / f"{name}.env"
    if not file.is_file():
        raise SettingsError(f"environment {name!r} is unknown: {file} does not exist; set {PREFIX}ENVIRONMENT to one that does")
    folders = _folders(variables.pop(SETTINGS_FOLDER, ""))
    _refuse_unknown(variables)
    files = [file]
    if name == "local":
        state = Path(variables.get(f"{PREFIX}STATE_FOLDER", REPOSITORY / ".perennial"))
        files.append(state / ENDPOINTS_FILE)
    mounted = " and ".join(map(str, folders))
    remedy = f"correct the ConfigMap or Secret mounted at {mounted}, or the variable" if folders else f"correct {file} or the variable"
    try:
        settings = Settings(_env_file=tuple(files), _secrets_dir=folders)
    except ValidationError as error:
        raise SettingsError(f"settings of environment {name!r}: {refusals(error, spell=_variable)}; {remedy}") from error
    except UnicodeDecodeError as error:
        places = ", ".join(map(str, [*files, *folders]))
        raise SettingsError(f"one of {places} is damaged ({error.reason}): mend or delete it") from error
    except SourceError as error:  # a list that is not JSON
        raise SettingsError(f"settings of environment {name!r}: {error} ({error.__cause__}); {remedy}") from error
    if folders and settings.pipeline_root is None:
        raise SettingsError(f"settings of environment {name!r}: PERENNIAL_PIPELINE_ROOT is missing; {remedy}")
    return settings


def _folders(text: str) -> list[Path]:
    """The folders that PERENNIAL_SETTINGS_FOLDER names.

    Raises:
        SettingsError: one is not there, or a file.
    """
    folders = [Path(folder) for folder in text.split(os.pathsep) if folder]
    for folder in folders:
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "is not there"
            raise SettingsError(f"{SETTINGS_FOLDER} names {folder}, which {what}: name a folder that has a file for each setting")
    return folders


def read_ready_settings() -> Settings:
    """The settings of services that can be asked.

    Raises:
        SettingsError: a setting is missing, wrong or unknown.
        EmulatorError: they are those of this machine, and the emulators were never started.
    """
    settings = read_settings()
    if settings.environment == "local" and not settings.is_local:
        raise EmulatorError("the emulators are not up: run `perennial up`")
    return settings


def _variable(field: str) -> str:
    """The variable of a field. A name that is no field is shown in capitals."""
    return f"{PREFIX}{field.upper()}" if field.partition(".")[0] in Settings.model_fields else field.upper()


def _refuse_unknown(variables: Mapping[str, str]) -> None:
    """Refuse a misspelt variable, which pydantic-settings would silently ignore."""
    for variable in sorted(name for name in variables if not SERVICE_LINK.search(name)):
        field = variable.removeprefix(PREFIX).lower()
        if field not in Settings.model_fields:
            near = difflib.get_close_matches(field, Settings.model_fields, n=1)
            meant = f"did you mean {_variable(near[0])}?" if near else "see components/settings.py for those there are"
            raise SettingsError(f"the variable {variable} is no setting: {meant}")
