"""The models that a watcher looks at, and one look at each."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from components.cloud import Cloud
from components.database.statements import execute
from components.decisions.alarms import read_alarm_facts
from components.decisions.standing import Standing, in_order, read_busy, read_standings
from components.errors import AccessError, PerennialError
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model, model_names, read_model
from components.settings import Settings
from pipelines.watch.local import LocalTrainer
from pipelines.watch.measuring import measure_decided, measure_in_a_process
from pipelines.watch.model_pass import leave_model, settle, watch_model
from pipelines.watch.watcher import Watcher

if TYPE_CHECKING:  # it takes kfp's import
    from pipelines.watch.remote import KubeflowTrainer

QUIET_RUNS = 20
"""So many of its newest runs tell whether a model needs a closer look."""
log = logging.getLogger(__name__)


@contextmanager
def new_watcher(settings: Settings, on: str, on_news: Callable[[str, str], None]) -> Iterator[Watcher]:
    """A watcher that trains on this machine (`local`), whose runs the registry knows as soon as they begin, or on Kubeflow.

    Raises:
        PerennialError: the settings lack something for Kubeflow.
    """
    with _trainer(settings, on) as trainer:
        watcher = Watcher(
            Cloud(settings),
            trainer.submit,
            trainer.is_under_way,
            read_alarm_facts,
            on_news,
            stop=trainer.stop,
            measure=measure_in_a_process,
        )
        if isinstance(trainer, LocalTrainer):
            yield replace(watcher, end_of=trainer.end_of, crowded=trainer.crowded, wait=trainer.wait)
        else:
            yield replace(watcher, has_ended=trainer.has_ended, is_unheard=trainer.is_unheard)


@contextmanager
def _trainer(settings: Settings, on: str) -> "Iterator[LocalTrainer | KubeflowTrainer]":
    if on == "local":
        yield LocalTrainer(settings)
        return
    from pipelines.kubeflow.api import connected
    from pipelines.kubeflow.compiling import require_image
    from pipelines.watch.remote import KubeflowTrainer

    require_image(settings)
    with connected(settings) as kubeflow:
        yield KubeflowTrainer(kubeflow, settings)


Act = Callable[[Model, ContinuousSection], bool]
"""What is done with a model that has a policy. Returns whether nothing was wrong."""


def each_watched(watcher: Watcher, names: Sequence[str], act: Act, leave: Callable[[Model], bool] = lambda _: True) -> bool:
    """Act on each model of these names, or on all that there are, which have a policy, and leave each that has none.

    Whatever is wrong with one is told, and the others have their turn, unless it is that the registry does not answer: to wait for it
    once for each of a thousand models would take hours. Returns whether nothing was wrong with any.
    """
    folder, is_well = watcher.cloud.settings.models_folder, True
    for name in _in_order(watcher, names or model_names(folder)):
        if _is_well(watcher, folder, name, act, leave, is_named=bool(names)):
            continue
        is_well = False
        if unreachable := _unreachable(watcher):
            watcher.on_news(name, f"no other model is looked at now: {unreachable}")
            break
    return is_well


def _in_order(watcher: Watcher, names: Sequence[str]) -> Sequence[str]:
    """Those first that wait for room to train, so that no model waits behind those whose names come before it."""
    try:
        with watcher.cloud.engine.connect() as connection:
            return in_order(connection, names)
    except PerennialError as error:
        log.warning("the models are looked at by their names", extra={"since": str(error)})
        return names


def _is_well(watcher: Watcher, folder: Path, name: str, act: Act, leave: Callable[[Model], bool], *, is_named: bool) -> bool:
    try:
        model = read_model(folder, name)
        if model.continuous is not None:
            return act(model, model.continuous)
        if is_named:
            watcher.on_news(name, "not looked at: its model.toml has no section [continuous]")
        return leave(model)
    except PerennialError as error:
        watcher.on_news(name, f"not looked at: {error}")
        return False
    except Exception as error:  # of a client, a disk or a fault of ours: it must not stop the looks at all other models
        log.exception("a look at a model failed", extra={"model": name})
        watcher.on_news(name, f"not looked at to the end: {type(error).__name__}: {error}")
        return False


def _unreachable(watcher: Watcher) -> str:
    """Why the registry does not answer; empty if it does."""
    try:
        with watcher.cloud.engine.connect() as connection:
            execute(connection, "decisions.now")
    except AccessError as error:
        return str(error)
    return ""


def watch_once(watcher: Watcher, names: Sequence[str]) -> bool:
    """Look at each model once. Returns whether each could be looked at to the end."""
    watcher.sources.begin_pass()
    quiet = _quiet_models(watcher, names or model_names(watcher.cloud.settings.models_folder))

    def act(model: Model, policy: ContinuousSection) -> bool:
        standing = quiet.get(model.name)
        return (standing is not None and settle(watcher, model, policy, standing)) or watch_model(watcher, model, policy)

    is_well = each_watched(watcher, names, act, lambda model: model.name in quiet or leave_model(watcher, model))
    try:
        measured, could_measure = measure_decided(watcher, names or model_names(watcher.cloud.settings.models_folder))
    except PerennialError as error:
        log.warning("nothing was measured", extra={"since": str(error)})
        return False
    except Exception:  # it must not stop the looks to come
        log.warning("nothing was measured", exc_info=True)
        return False
    if measured:  # what they are to be trained for is judged by it
        is_well = each_watched(watcher, measured, partial(watch_model, watcher)) and is_well
    return is_well and could_measure


def _quiet_models(watcher: Watcher, names: Sequence[str]) -> Mapping[str, Standing]:
    """How those models stand of which nothing is under way, by one query a table. None if one cannot be read: the look at it tells why."""
    try:
        with watcher.cloud.engine.connect() as connection:
            busy = read_busy(connection)
            return read_standings(connection, [name for name in names if name not in busy], most_runs=QUIET_RUNS)
    except PerennialError as error:
        log.warning("the models are looked at one by one", extra={"since": str(error)})
        return {}
    except Exception:
        log.warning("the models are looked at one by one", exc_info=True)
        return {}


def watch_to_the_end(watcher: Watcher, names: Sequence[str]) -> bool:
    """Look at each model, and again whenever a training has ended that this process began, until none is under way.

    Returns whether each could be looked at to the end each time.
    """
    is_well = watch_once(watcher, names)
    while watcher.wait(None):
        is_well = watch_once(watcher, names) and is_well
    return is_well
