"""How each emulator is started, and by which settings clients find it."""

import shlex
from enum import StrEnum
from pathlib import Path

from components.settings import REPOSITORY, Settings
from pipelines.local.accounts import key_file, service_accounts
from pipelines.local.addresses import CLOUD_SQL_PORT, Addresses

PYTHON = REPOSITORY / "infra" / "emulators" / ".venv" / "bin" / "python"

POLICY_FILE = "policy.json"
"""In the emulators' folder: what the accounts that it names may do (docs/security.md). It need not be there."""


class EmulatorName(StrEnum):
    """The emulators: each is a package in infra/emulators, and has a process, a log and a folder of state."""

    CLOUD_SQL = "cloud_sql"
    CLOUD_STORAGE = "cloud_storage"
    BIGQUERY = "bigquery"


ADDRESSES = {
    EmulatorName.CLOUD_SQL: ("cloud_sql", "instance"),
    EmulatorName.CLOUD_STORAGE: ("cloud_storage",),
    EmulatorName.BIGQUERY: ("bigquery", "bigquery_storage"),
}
"""The names of the addresses that each emulator listens on."""


def command_line(part: EmulatorName, settings: Settings, folder: Path, chosen: Addresses) -> tuple[str, ...]:
    """The command line that starts an emulator. `-P` keeps a folder of the working directory from being taken for a package."""
    policy = f"--policy={folder / POLICY_FILE}"
    arguments = {
        EmulatorName.CLOUD_SQL: (
            settings.cloudsql_instance,
            f"--address={chosen.instance}",
            *(f"--service-account={email}={key_file(folder, role)}" for role, email in service_accounts(settings).items()),
            f"--database={settings.database}",
        ),
        EmulatorName.CLOUD_STORAGE: (f"--service-accounts={folder / EmulatorName.CLOUD_SQL / 'service-accounts'}", policy),
        EmulatorName.BIGQUERY: (
            f"--project={settings.project}",
            f"--grpc-port={chosen.bigquery_storage}",
            f"--storage-endpoint=http://{chosen.host}:{chosen.cloud_storage}",
            policy,
        ),
    }
    common = (f"--host={chosen.host}", f"--port={getattr(chosen, part)}", f"--data={folder / part}", f"--token-key={folder / 'token.key'}")
    return (str(PYTHON), "-P", "-u", "-m", part, *arguments[part], *common)


def endpoints(settings: Settings, folder: Path, chosen: Addresses) -> str:
    """The settings by which clients find the emulators, as the lines of an environment file."""
    host = chosen.host
    values = {
        "PERENNIAL_BIGQUERY_ENDPOINT": f"http://{host}:{chosen.bigquery}",
        "PERENNIAL_BIGQUERY_STORAGE_ENDPOINT": f"{host}:{chosen.bigquery_storage}",
        "PERENNIAL_STORAGE_ENDPOINT": f"http://{host}:{chosen.cloud_storage}",
        "PERENNIAL_CLOUDSQL_ENDPOINT": f"http://{host}:{chosen.cloud_sql}",
        "PERENNIAL_CREDENTIALS_FILE": str(key_file(folder, "writer")),
        "PERENNIAL_OWNER_USER": service_accounts(settings)["owner"].removesuffix(".gserviceaccount.com"),
        "PERENNIAL_OWNER_CREDENTIALS_FILE": str(key_file(folder, "owner")),
    }
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    """A value as dotenv reads it, which puts the value of X in the place of ${X}, and `$` in that of ${:-$}, in quotes too.

    Without `${`, an apostrophe or a backslash in it, a shell reads the same.
    """
    if not any(part in value for part in ("'", "\\", "${")):
        return shlex.quote(value)
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "${:-$}{")
    return f"'{escaped}'"


def shown_address(part: EmulatorName, chosen: Addresses) -> str:
    """The addresses of an emulator as people read them."""
    beside = {
        EmulatorName.CLOUD_SQL: f", {chosen.instance}:{CLOUD_SQL_PORT}",
        EmulatorName.CLOUD_STORAGE: "",
        EmulatorName.BIGQUERY: f", gRPC {chosen.host}:{chosen.bigquery_storage}",
    }
    return f"http://{chosen.host}:{getattr(chosen, part)}{beside[part]}"
