"""Train many windows on Kubeflow, in order of date, a few at a time; whoever runs it again goes on where it stopped."""

import time
from collections.abc import Callable, Mapping, Sequence
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
) -> dict[date, RunState]:
    """Train each window that is not trained yet, once. Returns how the runs ended that this call started or found under way.

    Args:
        kubeflow, settings: the connection, and settings with image and pipeline root.
        request: what to train, and why; its window is each in turn.
        windows: their last partitions, in order.
        parallel: how many runs may be under way at a time.
        on_news: told what becomes of each window.

    Raises:
        PerennialError: Kubeflow refuses a run, or does not answer; those that are under way go on.
    """
    ended, running = dict[date, RunState](), dict[date, RemoteRun]()

    def wait_for_fewer_than(most: int) -> None:
        while len(running) >= most:
            for through, now in _ended(kubeflow, running):
                del running[through]
                ended[through] = read_training(settings, now).state
                on_news(through, f"{ended[through]}  {now.address}")
            if len(running) >= most:
                time.sleep(POLL_SECONDS)

    for through in windows:
        wait_for_fewer_than(parallel)
        if run := _submit_window(kubeflow, settings, replace(request, through=through)):
            running[through] = run
        on_news(through, f"submitted  {run.address}" if run else "trained already")
    wait_for_fewer_than(1)
    return ended


def _ended(kubeflow: Kubeflow, running: Mapping[date, RemoteRun]) -> list[tuple[date, RemoteRun]]:
    """Those of the runs that have ended, as they are now."""
    now = [(through, kubeflow.get_run(run.kubeflow_run)) for through, run in running.items()]
    return [(through, run) for through, run in now if run.has_ended]


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
