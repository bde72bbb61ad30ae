"""Examine what Perennial needs: this machine, the settings' services, the models. Each fault comes with what puts it right."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import ParamSpec

import psutil

from components.cloud import Cloud
from components.database.statements import execute
from components.errors import AccessError, EmulatorError, PerennialError, SettingsError, StorageFullError
from components.google import credentials
from components.google_errors import google_errors, reach
from components.model.folder import model_names, read_model
from components.settings import REPOSITORY, Settings, read_settings
from components.storage.errors import storage_errors
from pipelines.local import emulators

P = ParamSpec("P")
GIB = 2**30
LEAST_MEMORY, LEAST_DISK = 8 * GIB, 5 * GIB
"""What README asks of a machine. Of the 8 GB of disk that it names the environments have most already when this runs."""


@dataclass(frozen=True)
class Examination:
    """What was found in one place."""

    subject: str
    is_well: bool
    text: str


def examine() -> Iterator[Examination]:
    """Examine everything, in the order in which one thing needs the other. What a fault would only repeat itself in is left out."""
    for subject, look in MACHINE.items():
        yield _examined(subject, look)
    try:
        settings = read_settings()
    except PerennialError as error:
        yield Examination("settings", is_well=False, text=str(error))
        return
    yield Examination("settings", is_well=True, text=f"environment {settings.environment}, project {settings.project}")
    cloud = Cloud(settings)
    yield _examined("state folder", _state_folder, cloud)
    emulators_are_well = True
    if settings.environment == "local":
        yield (examination := _examined("emulators", _emulators, cloud))
        emulators_are_well = examination.is_well
    if emulators_are_well:
        for subject, look_at in SERVICES.items():
            yield _examined(subject, look_at, cloud)
    for name in model_names(settings.models_folder):
        yield _examined(f"model {name}", _model, settings, name)


def _examined(subject: str, look: Callable[P, str], *arguments: P.args, **named: P.kwargs) -> Examination:
    try:
        return Examination(subject, is_well=True, text=look(*arguments, **named))
    except PerennialError as error:
        return Examination(subject, is_well=False, text=str(error))


def _host() -> str:
    inside = ", in the Debian 13 tree under .cache/userland" if "INSIDE_USERLAND" in os.environ else ""  # noqa: TID251 - a fact of the process
    return f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}{inside}, Python {platform.python_version()}"


def _memory() -> str:
    total = psutil.virtual_memory().total
    if total < LEAST_MEMORY * 0.9:  # a machine sold with 8 GB shows a little less
        raise SettingsError(
            f"{total / GIB:.1f} GiB of memory; training needs {LEAST_MEMORY / GIB:.0f}: use a larger machine, or `--on kubeflow`"
        )
    return f"{total / GIB:.1f} GiB, {psutil.virtual_memory().available / GIB:.1f} free"


def _processors() -> str:
    return f"{os.cpu_count()} processors"


def _packages() -> str:
    missing = [name for name in ("tfx", "kfp", "tensorflow", "google-cloud-bigquery", "psycopg") if not _is_installed(name)]
    if missing or sys.prefix == sys.base_prefix:
        what = f"{', '.join(missing)} missing" if missing else f"{sys.executable} is not the locked environment"
        raise EmulatorError(f"{what}: run `make setup` in {REPOSITORY}")
    return f"TFX {metadata.version('tfx')}, KFP {metadata.version('kfp')}, TensorFlow {metadata.version('tensorflow')}"


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _state_folder(cloud: Cloud) -> str:
    folder = cloud.settings.state_folder.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if not os.access(there, os.W_OK):
        raise SettingsError(f"{there} cannot be written: `chown` it, or set PERENNIAL_STATE_FOLDER to a folder of your own")
    if there == folder and folder.stat().st_uid != os.geteuid():
        raise SettingsError(f"{folder} belongs to another user: set PERENNIAL_STATE_FOLDER to a folder of your own")
    if free < LEAST_DISK:
        raise StorageFullError(
            f"{free / GIB:.1f} GiB are free for {folder}; runs and caches need {LEAST_DISK / GIB:.0f}: "
            f"delete {cloud.settings.caches}, which is safe, or set PERENNIAL_STATE_FOLDER to a larger disk"
        )
    return f"{folder}, {free / GIB:.0f} GiB free"


def _emulators(cloud: Cloud) -> str:
    silent = [part for part in emulators.status(cloud.settings.state_folder) if part.state is not emulators.EmulatorState.UP]
    if silent:
        states = ", ".join(f"{part.name} is {part.state}" for part in silent)
        raise EmulatorError(f"{states}: run `perennial up`; its log is {silent[0].log}")
    return "all are up"


def _credentials(cloud: Cloud) -> str:
    account = credentials(cloud.settings)
    return str(getattr(account, "service_account_email", None) or "Application Default Credentials")


def _bigquery(cloud: Cloud) -> str:
    from google.cloud.bigquery import QueryJobConfig

    grant = f"grant roles/bigquery.jobUser on project {cloud.settings.project}"
    with google_errors(
        "BigQuery", f"project {cloud.settings.project}", not_found="correct PERENNIAL_PROJECT", remedy=reach(cloud.settings), grant=grant
    ):
        cloud.warehouse.query("SELECT 1", job_config=QueryJobConfig(dry_run=True), timeout=cloud.settings.connect_timeout_seconds)
    return f"project {cloud.settings.project} takes queries"


def _cloud_storage(cloud: Cloud) -> str:
    name = cloud.settings.bucket
    with storage_errors(name):
        permissions = ["storage.objects.create", "storage.objects.get", "storage.objects.list"]
        granted = cloud.storage.bucket(name).test_iam_permissions(permissions, timeout=cloud.settings.connect_timeout_seconds)
    if refused := sorted(set(permissions) - set(granted)):
        raise AccessError(f"bucket {name} does not grant {', '.join(refused)}: grant roles/storage.objectUser on the bucket")
    return f"bucket {name} can be read and written"


def _registry(cloud: Cloud) -> str:
    with cloud.engine.connect() as connection:
        models = len(execute(connection, "versions.models").all())
    return f"{cloud.settings.cloudsql_instance}, {models} models"


def _model(settings: Settings, name: str) -> str:
    folder: Path = read_model(settings.models_folder, name).folder
    return str(folder)


MACHINE: dict[str, Callable[[], str]] = {"host": _host, "processors": _processors, "memory": _memory, "packages": _packages}
SERVICES: dict[str, Callable[[Cloud], str]] = {
    "credentials": _credentials,
    "BigQuery": _bigquery,
    "Cloud Storage": _cloud_storage,
    "registry": _registry,
}
