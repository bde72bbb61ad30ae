"""How a step ends that takes too long: by a sentence, in its log and in the registry."""

import logging
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
import sqlalchemy as sa

from components.runs.outcome import recorded_outcome
from components.runs.record import Run, RunState, read_run, start_run
from components.settings import PREFIX, Settings

LIMIT_SECONDS = 2.0


def test_a_step_that_takes_too_long_ends_its_run(
    cloud: Settings, engine: sa.Engine, new_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run()
    monkeypatch.setattr(logging.root, "handlers", [])  # a step sets its own
    with engine.begin() as connection:
        start_run(connection, run)
    for name in ("project", "bucket", "cloudsql_instance", "cloudsql_ip_type", "database_user", "state_folder"):
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", str(getattr(cloud, name)))
    monkeypatch.setenv(f"{PREFIX}STEP_TIMEOUT_SECONDS", str(LIMIT_SECONDS))
    with pytest.raises(SystemExit) as ended, recorded_outcome(run.run_id, "train"):
        with suppress(Exception):  # as libraries do that try again
            time.sleep(3600)
    sentence = "step train did not end within 2 s: its log tells what it waited for; PERENNIAL_STEP_TIMEOUT_SECONDS sets the limit"
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"perennial: {sentence}"
    with engine.connect() as connection:
        recorded = read_run(connection, run.run_id)
    assert (recorded.state, recorded.error) == (RunState.FAILED, sentence)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
