"""The server: which call is answered by what, on a port of the loopback interface.

It runs inside the process of a test, not in the emulators' environment: it needs kfp's own protobuf and models, and the local runner.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from infra.emulators.kubeflow import experiments, pipelines, runs, schedules
from infra.emulators.kubeflow.errors import Code, Refusal, invalid
from infra.emulators.kubeflow.launcher import RunTask
from infra.emulators.kubeflow.listing import Json
from infra.emulators.kubeflow.pods import Namespace
from infra.emulators.kubeflow.state import State, StoredRun

API = "/apis/v2beta1"
JSON = "application/json"
EMPTY = Namespace()
HEALTH = {"commit_sha": "0" * 40, "tag_name": "2.17.0", "multi_user": False, "pipeline_store": "database"}


@dataclass
class Fault:
    """What happens to calls instead of, or after, what they ask for. It holds for `times` calls."""

    method: str
    path: str
    """A part of the path."""
    status: int = 500
    body: str = ""
    content_type: str = "text/plain"
    happens_after: bool = False
    """The call is served, and its answer never arrives."""
    seconds: float = 0.0
    times: int = 1


@dataclass
class Backend:
    """The server as a test holds it."""

    state: State
    token: str | None
    url: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each, in order."""
    faults: list[Fault] = field(default_factory=list)

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The calls that change something."""
        return [call for call in self.calls if call[0] != "GET"]

    def wait(self) -> None:
        """Wait until no run runs."""
        for run in list(self.state.runs.values()):
            if run.thread:
                run.thread.join()

    def fire_due(self) -> list[StoredRun]:
        """Let the controller look at the recurring runs once, and wait for what it started."""
        with self.state.lock:
            fired = schedules.fire_due(self.state)
        self.wait()
        return fired

    def fire(self, schedule_id: str) -> StoredRun:
        """Start a run of a recurring run once more, as a second controller would, and wait for it."""
        with self.state.lock:
            run = schedules.fire(self.state, schedules.find(self.state, schedule_id))
        self.wait()
        return run


@contextmanager
def serving(
    folder: Path,
    run_task: RunTask,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    token: str | None = None,
    namespace: Namespace = EMPTY,
) -> Iterator[Backend]:
    """A server for the length of a block.

    Args:
        folder: keeps artifacts and logs.
        run_task: runs the tasks.
        clock: gives the time, with its zone.
        token: what a bearer must present; None asks nobody.
        namespace: the ConfigMaps and Secrets that tasks may name.
    """
    backend = Backend(State(folder, run_task, clock, namespace), token)
    experiments.create(backend.state, {"display_name": experiments.DEFAULT})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BackendHandler", (_Handler,), {"backend": backend}))
    server.daemon_threads = True
    backend.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield backend
    finally:
        server.shutdown()
        server.server_close()
        for run in backend.state.runs.values():
            run.execution.is_terminated = True


@dataclass(frozen=True)
class Call:
    """What a call gives."""

    state: State
    path: "re.Match[str]"
    query: dict[str, str]
    body: Json


ID = r"([^/:]+)"
ROUTES: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("GET", "/healthz", lambda _: HEALTH),
    ("POST", "/experiments", lambda call: experiments.create(call.state, call.body)),
    ("GET", "/experiments", lambda call: experiments.list_all(call.state, call.query)),
    ("GET", f"/experiments/{ID}", lambda call: experiments.read(call.state, call.path[1])),
    ("DELETE", f"/experiments/{ID}", lambda call: experiments.delete(call.state, call.path[1])),
    ("POST", f"/experiments/{ID}:archive", lambda call: experiments.set_storage(call.state, call.path[1], "ARCHIVED")),
    ("POST", f"/experiments/{ID}:unarchive", lambda call: experiments.set_storage(call.state, call.path[1], "AVAILABLE")),
    ("POST", "/pipelines", lambda call: pipelines.create(call.state, call.body)),
    ("GET", "/pipelines", lambda call: pipelines.list_all(call.state, call.query)),
    ("GET", f"/pipelines/{ID}", lambda call: pipelines.read(call.state, call.path[1])),
    ("DELETE", f"/pipelines/{ID}", lambda call: pipelines.delete(call.state, call.path[1], call.query)),
    ("GET", f"/pipelines/{ID}/versions", lambda call: pipelines.list_versions(call.state, call.path[1], call.query)),
    ("GET", f"/pipelines/{ID}/versions/{ID}", lambda call: pipelines.read_version(call.state, call.path[1], call.path[2])),
    ("DELETE", f"/pipelines/{ID}/versions/{ID}", lambda call: pipelines.delete_version(call.state, call.path[1], call.path[2])),
    ("POST", "/runs", lambda call: runs.create(call.state, call.body)),
    ("GET", "/runs", lambda call: runs.list_all(call.state, call.query)),
    ("GET", f"/runs/{ID}", lambda call: runs.find(call.state, call.path[1], "Failed to get a run").to_json()),
    ("DELETE", f"/runs/{ID}", lambda call: runs.delete(call.state, call.path[1])),
    ("POST", f"/runs/{ID}:terminate", lambda call: runs.terminate(call.state, call.path[1])),
    ("POST", f"/runs/{ID}:retry", lambda call: runs.retry(call.state, call.path[1])),
    ("POST", f"/runs/{ID}:archive", lambda call: runs.set_storage(call.state, call.path[1], "ARCHIVED")),
    ("POST", f"/runs/{ID}:unarchive", lambda call: runs.set_storage(call.state, call.path[1], "AVAILABLE")),
    ("POST", "/recurringruns", lambda call: schedules.create(call.state, call.body)),
    ("GET", "/recurringruns", lambda call: schedules.list_all(call.state, call.query)),
    ("GET", f"/recurringruns/{ID}", lambda call: schedules.find(call.state, call.path[1]).shown),
    ("DELETE", f"/recurringruns/{ID}", lambda call: schedules.delete(call.state, call.path[1])),
    ("POST", f"/recurringruns/{ID}:enable", lambda call: schedules.set_mode(call.state, call.path[1], "ENABLE")),
    ("POST", f"/recurringruns/{ID}:disable", lambda call: schedules.set_mode(call.state, call.path[1], "DISABLE")),
)
LOG = re.compile(r"/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log")


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    backend: Backend
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.backend.calls.append((self.command, path))
        fault = self._fault(path)
        if fault and not fault.happens_after:
            threading.Event().wait(fault.seconds)
            self._answer(fault.status, fault.body.encode(), fault.content_type)
            return
        status, body, kind = self._respond(path, dict(parse_qsl(url.query)), content)
        if fault:
            threading.Event().wait(fault.seconds)
            self.close_connection = True
            return
        self._answer(status, body, kind)

    def _fault(self, path: str) -> Fault | None:
        for fault in self.backend.faults:
            if fault.times and fault.method == self.command and fault.path in path:
                fault.times -= 1
                return fault
        return None

    def _respond(self, path: str, query: dict[str, str], content: bytes) -> tuple[int, bytes, str]:
        state = self.backend.state
        try:
            self._require_token()
            with state.lock:
                if match := LOG.fullmatch(path):
                    return 200, runs.read_log(state, match[1], match[2]).encode(), "text/plain"
                if path.startswith(f"{API}/pipelines/upload"):
                    return self._upload(path, query, content)
                for method, pattern, answer in ROUTES:
                    if method == self.command and (match := re.fullmatch(API + pattern, path)):
                        return 200, json.dumps(answer(Call(state, match, query, _body(content)))).encode(), JSON
            raise Refusal(Code.NOT_FOUND, "Not Found", "Not Found")
        except Refusal as refusal:
            return refusal.status, refusal.body, JSON

    def _require_token(self) -> None:
        if self.backend.token and self.headers.get("Authorization") != f"Bearer {self.backend.token}":
            text = "Request header error: there is no user identity header."
            raise Refusal(Code.UNAUTHENTICATED, text, f"Failed to authorize the request: Unauthenticated: {text}")

    def _upload(self, path: str, query: dict[str, str], content: bytes) -> tuple[int, bytes, str]:
        """An upload, whose errors have a form of their own."""
        file, text = self._uploaded(content)
        try:
            act = pipelines.upload_version if path.endswith("upload_version") else pipelines.upload
            return 200, json.dumps(act(self.backend.state, query, text, file)).encode(), JSON
        except Refusal as refusal:
            short = (
                "Failed to create a pipeline version" if path.endswith("version") else "Failed to create a pipeline and a pipeline version"
            )
            words = refusal.external if refusal.code is Code.INVALID_ARGUMENT else short
            return refusal.status, json.dumps({"error_message": words, "error_details": words}).encode(), JSON

    def _uploaded(self, content: bytes) -> tuple[str, str]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        for part in message_from_bytes(head + content).walk():
            if part.get_param("name", header="content-disposition") == "uploadfile":
                payload = part.get_payload(decode=True)
                return part.get_filename() or "", payload.decode() if isinstance(payload, bytes) else ""
        raise invalid("Failed to read pipeline from file")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _body(content: bytes) -> Json:
    try:
        body: Json = json.loads(content) if content.strip() else {}
    except ValueError as error:
        raise invalid(f"proto: syntax error: {error}") from error
    return {key: value for key, value in body.items() if value is not None}
