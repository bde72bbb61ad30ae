"""Train many windows on Kubeflow, in order of date, a few at a time; whoever runs it again goes on where it stopped."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from components.database.engine import make_engine
from components.runs.record import RunState
from components.schedules.backfill import backfill_run_id, is_trained
from components.settings import Settings
from pipelines.kubeflow.api import Kubeflow
from pipelines.kubeflow.remote import RemoteRun, RemoteState
from pipelines.kubeflow.submission import submit
from pipelines.kubeflow.watching import POLL_SECONDS, read_training
from pipelines.run.train import TrainingRequest

MOST_UNRECORDED = 20


def backfill(
    kubeflow: Kubeflow,
    settings: Settings,
    request: TrainingRequest,
    windows: Sequence[date],
    *,
    parallel: int,
    on_news: Callable[[date, str], None],
    poll_seconds: float = POLL_SECONDS,
) -> dict[date, RunState]:
    """Train each window that is not trained yet, once. Returns how the runs ended that this call started or found under way.

    Args:
        kubeflow: the connection.
        settings: with image and pipeline root.
        request: what to train, and why; its window is each in turn.
        windows: their last partitions, in order.
        parallel: how many runs may be under way at a time.
        on_news: told what becomes of each window.
        poll_seconds: how long to wait between two looks.

    Raises:
        PerennialError: Kubeflow refuses a run, or does not answer; those that are under way go on.
    """
    ended: dict[date, RunState] = {}
    running: dict[date, RemoteRun] = {}

    def settle() -> None:
        for through, run in list(running.items()):
            now = kubeflow.get_run(run.kubeflow_run)
            if now.has_ended:
                del running[through]
                ended[through] = read_training(settings, now).state
                on_news(through, f"{ended[through]}  {now.address}")
        if len(running) >= parallel:
            time.sleep(poll_seconds)

    for through in windows:
        while len(running) >= parallel:
            settle()
        run = _submit_window(kubeflow, settings, replace(request, through=through))
        if run is None:
            on_news(through, "trained already")
        else:
            running[through] = run
            on_news(through, f"submitted  {run.address}")
    while running:
        settle()
        if running:
            time.sleep(poll_seconds)
    return ended


def _submit_window(kubeflow: Kubeflow, settings: Settings, request: TrainingRequest) -> RemoteRun | None:
    """Submit the run of a window, or find it under way; None if the window is trained."""
    model, through, failed = request.model.name, request.through, 0
    if through is None:
        raise ValueError("a backfill names its windows")
    engine = make_engine(settings)
    for _ in range(MOST_UNRECORDED):
        with engine.connect() as connection:
            run_id, attempt = backfill_run_id(connection, model, through, after=failed)
            trained = is_trained(connection, model, through)
        before = kubeflow.find_run(None, run_id)
        if before and not before.has_ended:
            return before
        if trained:
            return None
        if before is None or before.state is not RemoteState.FAILED:
            return submit(kubeflow, settings, request, run_id=run_id)
        failed = attempt  # it ended before it could be recorded, such as for want of its image
    return submit(kubeflow, settings, request)
