"""A command that serves and ends: `python -m tests.pipelines.faults.asking FILE serve …` serves, asks for some seconds, and stops.

FILE gets a line for each request that was answered: its id.
"""

import ctypes
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from tests.pipelines.faults.names import CUSTOMER, MODEL

REQUESTS = 100
PAUSE_SECONDS = 0.05
ANSWER_SECONDS = 60.0
DIES_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl."""


def main() -> None:
    """Serve, ask, stop; the exit code is the service's, and 1 if it was killed."""
    answered, words = Path(sys.argv[1]), sys.argv[2:]
    command = [sys.executable, "-m", "pipelines", *words]
    service = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=_die_with_parent)
    assert service.stderr is not None
    port = None
    for line in service.stderr:
        sys.stderr.write(line)
        if found := re.match(r"serving .* on http://127\.0\.0\.1:(\d+)", line):
            port = int(found[1])
            break
    threading.Thread(target=lambda: sys.stderr.writelines(service.stderr or ()), daemon=True).start()
    if port is not None:
        _ask_all(port, answered)
        service.send_signal(signal.SIGTERM)
    code = service.wait()
    if code < 0:
        sys.stderr.write(f"the service ended by signal {-code}\n")
    sys.exit(1 if code < 0 else code)


def _ask_all(port: int, answered: Path) -> None:
    token = (Path(os.environ["PERENNIAL_STATE_FOLDER"]) / "serving" / "token").read_text()
    for _ in range(REQUESTS):
        name = uuid.uuid4().hex
        try:
            status = _ask(port, token, name)
        except (OSError, http.client.HTTPException):
            return
        if status == http.HTTPStatus.OK:
            with answered.open("a") as file:
                file.write(f"{name}\n")
        time.sleep(PAUSE_SECONDS)


def _ask(port: int, token: str, name: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        body = json.dumps({"instances": [CUSTOMER]})
        connection.request("POST", f"/v1/models/{MODEL}:predict", body, {"X-Request-Id": name, "Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGTERM)


if __name__ == "__main__":
    main()
