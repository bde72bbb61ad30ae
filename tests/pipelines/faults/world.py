"""Services of its own, each behind a proxy, and a model that trains in seconds: what faults are done to, and what must hold after each."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from dotenv import dotenv_values

from components.files import OTHERS
from components.google import bigquery_client
from components.model.folder import read_model
from components.settings import ENDPOINTS_FILE, Settings
from infra.emulators.kubeflow.server import serving
from pipelines.local import emulators
from pipelines.local.seed import seed
from pipelines.local.services import prepare
from tests.pipelines.command_line import CHURN, CommandLine, edit, quick_churn
from tests.pipelines.faults.names import CUSTOMER, MODEL, TARGET
from tests.proxy import Proxy, proxy
from tests.waiting import wait_until

ODD = 'Zoë\'s "folder"'
"""All that the world has lies below a path with blanks, quotes and an umlaut."""
THROUGH = date(1997, 9, 30)
"""The last day of the data: half of them are enough."""
MARK = "FAULTS_WORLD"
"""The variable by which the processes of a world's commands are known."""
HASTY = {"PERENNIAL_ANSWER_TIMEOUT_SECONDS": "3", "PERENNIAL_CONNECT_TIMEOUT_SECONDS": "15"}
SERVICES = ("bigquery", "bigquery_storage", "storage", "cloudsql")
KUBEFLOW = "kubeflow"
ENDING_SECONDS = 90.0
"""A service that is told to stop ships its log first."""
SCHEDULES = f'''[schedules.nightly]
model = "{MODEL}"
cron = "0 0 5 * * *"
first = 1997-08-31
every_days = 7
'''
ON_KUBEFLOW = {"PERENNIAL_IMAGE": f"example.test/perennial@sha256:{'a' * 64}", "PERENNIAL_PIPELINE_ROOT": "gs://bucket/root"}
POLICY = '\n[continuous]\ntriggers = ["person"]\ncooldown_hours = 0\nruns_a_day = 1000\n'
"""It is trained as soon as somebody asks for it."""


@dataclass(frozen=True)
class World:
    """Where faults are done."""

    command_line: CommandLine
    """Its commands reach every service through a proxy."""
    proxies: dict[str, Proxy]
    done: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def hasty(self) -> CommandLine:
        """Commands that do not wait long for a service that does not answer."""
        return replace(self.command_line, variables={**self.command_line.variables, **HASTY})

    @property
    def answered(self) -> Path:
        """Has the ids of the requests that the prediction service has answered."""
        return self.state.parent / "answered"

    def start(self, words: tuple[str, ...]) -> subprocess.Popen[str]:
        """Start a command that does not wait long."""
        return self._line(self.hasty, words).start(*words)

    def repeat(self, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return self._line(self.command_line, words).run(*words)

    def once(self, words: tuple[str, ...]) -> None:
        """Run a command to its end, unless this world has done so."""
        if words not in self.done:
            done = self.repeat(words)
            assert done.returncode == 0, done.stdout + done.stderr
            self.done.add(words)

    def _line(self, line: CommandLine, words: tuple[str, ...]) -> CommandLine:
        """The line of a command: one that serves is asked for some seconds, and then told to stop."""
        if words[0] == "serve":
            return replace(line, program=("-m", "tests.pipelines.faults.asking", str(self.answered)))
        return replace(line, variables={**line.variables, **ON_KUBEFLOW}) if words[0] == "apply" else line

    @property
    def settings(self) -> Settings:
        """Without the proxies."""
        return self.command_line.settings

    @property
    def state(self) -> Path:
        return self.settings.state_folder

    def processes(self) -> list[psutil.Process]:
        """Those that commands have started, and that run."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.command_line.variables[MARK] and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def mend(self) -> None:
        """Let the services answer again, and start those that were killed."""
        for running in self.proxies.values():
            running.silent.clear()
        emulators.start(self.settings, progress=lambda _: None)

    def wait_for_the_end_of_all(self) -> None:
        """Whatever a killed command had started ends soon."""
        wait_until(lambda: not self.processes(), "processes of an ended command live on", seconds=ENDING_SECONDS)

    def open_files(self) -> list[str]:
        """Files and folders of the state that others may read; the folder itself is closed in any case."""
        paths = (path for path in self.state.rglob("*") if not path.is_symlink())
        return [str(path) for path in paths if path.exists() and path.lstat().st_mode & OTHERS and not path.is_socket()]

    def leftovers(self) -> list[str]:
        """Temporary folders and drafts of commands that are no more."""
        temporary = Path(self.command_line.variables["TMPDIR"]).iterdir()
        return [str(path) for path in (*temporary, *self.state.glob("cache/examples/*/*.unfinished*"))]


@contextmanager
def new_world(folder: Path) -> Iterator[World]:
    """A world in an empty folder, with a model's first version."""
    state, models = folder / ODD / "state folder", folder / ODD / "models"
    state.parent.mkdir()
    given: dict[str, Any] = {
        "project": "perennial-faults",
        "bucket": f"perennial-faults-{uuid.uuid4().hex}",
        "cloudsql_instance": "perennial-faults:europe-west1:registry",
        "cloudsql_ip_type": "PUBLIC",
        "database_user": "trainer@perennial-faults.iam",
        "state_folder": state,
        "models_folder": models,
    }
    emulators.start(Settings(**given), progress=lambda _: None)
    try:
        endpoints = {name.removeprefix("PERENNIAL_").lower(): value for name, value in dotenv_values(state / ENDPOINTS_FILE).items()}
        settings = Settings(**(given | endpoints))
        prepare(settings)
        seed(bigquery_client(settings), settings, read_model(CHURN.parent, "churn"), through=THROUGH, progress=lambda _done, _of: None)
        model = quick_churn(models, MODEL)
        edit(model / "model.toml", "latency_milliseconds = 50", "latency_milliseconds = 60_000")  # a busy machine is no fault
        (model / "model.toml").write_text((model / "model.toml").read_text() + POLICY)
        (state.parent / "schedules.toml").write_text(SCHEDULES)
        (state.parent / "customers.jsonl").write_text(f"{json.dumps(CUSTOMER)}\n")
        with ExitStack() as stack:
            kubeflow = stack.enter_context(serving(folder / KUBEFLOW, lambda _: 0))
            addresses = {name: _address(settings, name) for name in SERVICES} | {KUBEFLOW: kubeflow.url}
            proxies = {name: stack.enter_context(proxy(address)) for name, address in addresses.items()}
            temporary = stack.enter_context(TemporaryDirectory(prefix="f"))  # a short path, since sockets lie below it
            variables = {MARK: uuid.uuid4().hex, "TMPDIR": temporary, **_variables(proxies)}
            world = World(CommandLine(settings, variables), proxies)
            assert world.command_line.json("train", MODEL)["version"] == 1
            world.command_line.json("deploy", MODEL, "1", "--target", TARGET, "--reason", "the first")
            yield world
    finally:
        emulators.stop(state, progress=lambda _: None)


def _address(settings: Settings, service: str) -> str:
    endpoint = str(getattr(settings, f"{service}_endpoint"))
    return endpoint if "//" in endpoint else f"http://{endpoint}"


def _variables(proxies: dict[str, Proxy]) -> dict[str, str]:
    endpoints = {name: running.endpoint for name, running in proxies.items()}
    endpoints["bigquery_storage"] = endpoints["bigquery_storage"].removeprefix("http://")
    return {f"PERENNIAL_{name.upper()}_ENDPOINT": endpoint for name, endpoint in endpoints.items()}
