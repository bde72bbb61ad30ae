"""As much of Vertex AI's REST API as an export uses, in memory. It reads every request as the message that it is by Google's definition."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format

PARENT = "projects/perennial-test/locations/europe-west1"
UPLOAD = "type.googleapis.com/google.cloud.aiplatform.v1.UploadModelResponse"
ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")
LABEL = re.compile(r"[a-z0-9_-]{1,63}")


@dataclass
class Vertex:
    """Models by id, each with its versions; evaluations by version; what was to be made."""

    models: dict[str, list[Any]] = field(default_factory=dict)
    evaluations: dict[str, list[Any]] = field(default_factory=dict)
    slices: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    refuse: int | None = None
    refuse_path: str = ""
    uri: str = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of the answer."""
        if self.refuse and self.refuse_path in path:
            return self.refuse, {"error": {"code": self.refuse, "message": f"no {path.rpartition('/')[2]}", "status": "ANY"}}
        for pattern, handle in self.routes():
            if (matched := re.fullmatch(f"{method} /v1/{pattern}", f"{method} {path}")) is not None:
                status, document = handle(body, *matched.groups())
                return status, document
        return 404, {"error": {"code": 404, "message": f"no route for {method} {path}", "status": "NOT_FOUND"}}

    def routes(self) -> list[tuple[str, Any]]:
        """Of the four resources; patterns of paths without the method."""
        return [
            (rf"{PARENT}/models:upload", self.upload),
            (rf"{PARENT}/models/([^/@]+):listVersions", self.list_versions),
            (rf"{PARENT}/models/([^/]+)/evaluations", self.list_evaluations),
            (rf"{PARENT}/models/([^/]+)/evaluations:import", self.import_evaluation),
            (rf"({PARENT}/models/[^/]+/evaluations/[^/]+)/slices", self.list_slices),
            (rf"({PARENT}/models/[^/]+/evaluations/[^/]+)/slices:batchImport", self.import_slices),
        ]

    def read(self, body: bytes, kind: Any, parent: str) -> Any:
        """The message, whose parent is in the path; a field that it does not have is an error."""
        message = json_format.Parse(body, kind.pb()(parent=parent))
        self.asked.append(kind.wrap(message))
        return self.asked[-1]

    def upload(self, body: bytes) -> tuple[int, dict[str, Any]]:
        request = self.read(body, types.UploadModelRequest, PARENT)
        model_id = request.parent_model.rpartition("/")[2] or request.model_id
        versions = self.models.setdefault(model_id, [])
        assert bool(request.parent_model) == bool(versions), "a further version names its model, the first one an id"
        assert re.fullmatch("[a-z_][a-z0-9_-]{0,62}", model_id)
        assert all(LABEL.fullmatch(text) for pair in request.model.labels.items() for text in pair)
        assert all(ALIAS.fullmatch(alias) for alias in request.model.version_aliases)
        model = request.model
        model.name, model.version_id = f"{PARENT}/models/{model_id}", str(len(versions) + 1)
        versions.append(model)
        response = {"@type": UPLOAD, "model": model.name, "modelVersionId": model.version_id}
        return 200, {"name": f"{PARENT}/operations/1", "done": True, "response": response}

    def list_versions(self, _: bytes, model_id: str) -> tuple[int, dict[str, Any]]:
        if model_id not in self.models:
            return 404, {"error": {"code": 404, "message": f"no model {model_id}", "status": "NOT_FOUND"}}
        return 200, {"models": [json_format.MessageToDict(types.Model.pb(model)) for model in self.models[model_id]]}

    def list_evaluations(self, _: bytes, version: str) -> tuple[int, dict[str, Any]]:
        found = self.evaluations.get(version, [])
        return 200, {"modelEvaluations": [json_format.MessageToDict(types.ModelEvaluation.pb(one)) for one in found]}

    def import_evaluation(self, body: bytes, version: str) -> tuple[int, dict[str, Any]]:
        evaluation = self.read(body, types.ImportModelEvaluationRequest, f"{PARENT}/models/{version}").model_evaluation
        there = self.evaluations.setdefault(version, [])
        evaluation.name = f"{PARENT}/models/{version}/evaluations/{len(there) + 1}"
        there.append(evaluation)
        return 200, json_format.MessageToDict(types.ModelEvaluation.pb(evaluation))

    def list_slices(self, _: bytes, evaluation: str) -> tuple[int, dict[str, Any]]:
        found = self.slices.get(evaluation, [])
        return 200, {"modelEvaluationSlices": [json_format.MessageToDict(types.ModelEvaluationSlice.pb(one)) for one in found]}

    def import_slices(self, body: bytes, evaluation: str) -> tuple[int, dict[str, Any]]:
        request = self.read(body, types.BatchImportModelEvaluationSlicesRequest, evaluation)
        self.slices.setdefault(evaluation, []).extend(request.model_evaluation_slices)
        return 200, {"importedModelEvaluationSlices": [f"{evaluation}/slices/{n}" for n in range(len(request.model_evaluation_slices))]}

    def requests(self, kind: type[Any]) -> list[Any]:
        """The messages of a kind that were sent."""
        return [message for message in self.asked if isinstance(message, kind)]


@contextmanager
def answering() -> Iterator[Vertex]:
    """The API on a port of this machine."""
    vertex = Vertex()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            vertex.tokens.add(self.headers.get("Authorization", ""))
            try:
                status, document = vertex.answer(self.command, unquote(self.path.partition("?")[0]), body)
            except (AssertionError, json_format.ParseError) as error:
                status, document = 400, {"error": {"code": 400, "message": f"malformed: {error}", "status": "INVALID_ARGUMENT"}}
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    vertex.uri = f"http://127.0.0.1:{server.server_port}"
    yield vertex
    server.shutdown()
    thread.join()
    server.server_close()
