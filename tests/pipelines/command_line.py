"""The command line as a user meets it: a process of its own, the state folder of the test's own services."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from components.database.engine import make_engine
from components.runs.record import RecordedRun, read_run
from components.settings import REPOSITORY, Settings
from tests.environment import ENVIRONMENT

COLD = {"PYTHON_OF_ITS_OWN": "yes"}
"""A variable that the warm interpreter does not have: with it a command is a process of its own, which imports all that it needs."""
OPEN_UMASK = 0o022
"""What most machines have: it lets others read."""
CHURN = REPOSITORY / "pipelines" / "models" / "churn"


@dataclass(frozen=True)
class CommandLine:
    """`perennial` with the settings of a test."""

    settings: Settings
    variables: Mapping[str, str] = field(default_factory=dict)
    """More of the environment."""
    program: tuple[str, ...] = ("-m", "pipelines")
    """What Python runs with the words of a command."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables that name the test's services, folders and identities."""
        names = ("project", "bucket", "cloudsql_instance", "cloudsql_ip_type", "database_user", "state_folder", "models_folder")
        own = {f"PERENNIAL_{name.upper()}": str(getattr(self.settings, name)) for name in names}
        return {**ENVIRONMENT, **own, **self.variables}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        command = [sys.executable, *self.program, *arguments]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=self.environment, cwd=REPOSITORY, umask=OPEN_UMASK, **pipes)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str, exit_code: int = 0) -> Any:
        """What a command prints with --json."""
        done = self.run(*arguments, "--json")
        assert done.returncode == exit_code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def runs(self, model: str) -> list[RecordedRun]:
        """The runs of a model as the registry has them, newest first."""
        with make_engine(self.settings).connect() as connection:
            newest = sa.text("SELECT run_id FROM registry.pipeline_run WHERE model = :model ORDER BY started_at DESC")
            ids = connection.execute(newest, {"model": model}).scalars().all()
            return [read_run(connection, run_id) for run_id in ids]

    def refused(self, *arguments: str) -> str:
        """The one sentence with which a command ends, its exit code being 1."""
        done = self.run(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        return line.removeprefix("Error: ")


def small_churn(models_folder: Path, name: str = "churn", *, table: str = "retail.purchases") -> Path:
    """churn on a tenth of the customers and three spans: the same code, trained in seconds. Returns its folder."""
    folder = models_folder / name
    shutil.copytree(CHURN, folder)
    edit(folder / "source.sql", "@last_partition\n)", "@last_partition AND MOD(customer_id, 10) = 0\n)")
    edit(folder / "model.toml", "spans = 8", "spans = 3")
    edit(folder / "model.toml", 'table = "retail.purchases"', f'table = "{table}"')
    edit(folder / "model.toml", "epochs = 2", "epochs = 20")
    return folder


def quick_churn(models_folder: Path, name: str, *, spans: int = 1, table: str = "retail.purchases") -> Path:
    """churn on few spans, for a moment, and let through whatever it has learnt. Returns its folder."""
    folder = small_churn(models_folder, name, table=table)
    quick = {"spans = 3": f"spans = {spans}", "epochs = 20": "epochs = 1", "0.75": "0.0", "0.60": "0.0", "0.9": "0.0", "1.1": "1000.0"}
    for old, new in quick.items():
        edit(folder / "model.toml", old, new)
    return folder


def small_loyalty(models_folder: Path, name: str = "loyalty") -> Path:
    """loyalty on a tenth of the customers and three spans. Returns its folder."""
    folder = models_folder / name
    shutil.copytree(CHURN.parent / "loyalty", folder)
    edit(folder / "source.sql", "@last_partition\n)", "@last_partition AND MOD(customer_id, 10) = 0\n)")
    edit(folder / "model.toml", "spans = 8", "spans = 3")
    edit(folder / "model.toml", "epochs = 3", "epochs = 20")
    return folder


def small_spend(models_folder: Path, name: str = "spend") -> Path:
    """spend on three spans. Returns its folder."""
    folder = models_folder / name
    shutil.copytree(CHURN.parent / "spend", folder)
    edit(folder / "model.toml", "spans = 8", "spans = 3")
    edit(folder / "model.toml", "epochs = 6", "epochs = 16")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must be there once."""
    text = path.read_text()
    assert len(re.findall(re.escape(old), text)) == 1, f"{old!r} in {path}"
    path.write_text(text.replace(old, new))
