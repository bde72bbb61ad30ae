"""The prediction service beside the emulators: `perennial up --serve`, `status` and `down`."""

import socket
from collections.abc import Iterator

import pytest

from components.settings import Settings
from pipelines.local.prediction_service import prediction_service_status, stop_prediction_service
from tests.pipelines.command_line import CommandLine


@pytest.fixture
def port(warm: Settings) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    yield number
    stop_prediction_service(warm.state_folder)


def test_it_is_started_once_shown_and_stopped(warm: Settings, port: int) -> None:
    perennial = CommandLine(warm)
    serve = ("up", "--serve", "staging", "--serve-port", str(port))
    assert prediction_service_status(warm.state_folder) == []
    first = perennial.run(*serve)
    token = warm.state_folder / "serving" / "token"
    assert first.stdout.splitlines()[-2:] == [
        "serve: starting",
        f"serve: up at http://127.0.0.1:{port}, target staging, token in {token}",
    ], first.stderr
    (shown,) = [part for part in perennial.json("status") if part["name"] == "serve"]
    assert (shown["state"], shown["address"]) == ("up", f"http://127.0.0.1:{port}")
    assert perennial.run(*serve).stdout.splitlines()[-1] == f"serve: up already at http://127.0.0.1:{port}"
    (again,) = prediction_service_status(warm.state_folder)
    assert again.pid == shown["pid"]
    assert stop_prediction_service(warm.state_folder)
    assert prediction_service_status(warm.state_folder) == []
    assert not stop_prediction_service(warm.state_folder)


def test_what_cannot_be_served_is_said(warm: Settings, port: int) -> None:
    perennial = CommandLine(warm)
    assert perennial.refused("up", "--serve", "nowhere").startswith("target 'nowhere' is unknown: choose local, staging, prod, or add it")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        refusal = perennial.refused("up", "--serve", "local", "--serve-port", str(port))
    assert refusal.startswith(f"serve will not start: 127.0.0.1:{port} cannot be served on (Address already in use): choose another")
