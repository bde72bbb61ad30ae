"""The models that a watcher looks at, and one look at each."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from components.cloud import Cloud
from components.decisions.alarms import read_alarm_facts
from components.errors import PerennialError
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model, model_names, read_model
from components.settings import Settings
from pipelines.watch.local import LocalTrainer
from pipelines.watch.model_pass import watch_model
from pipelines.watch.watcher import Watcher

log = logging.getLogger(__name__)


@contextmanager
def new_watcher(settings: Settings, on: str, on_news: Callable[[str, str], None]) -> Iterator[Watcher]:
    """A watcher that trains on this machine (`local`), whose runs the registry knows as soon as they begin, or on Kubeflow.

    Raises:
        PerennialError: the settings lack something for Kubeflow.
    """
    if on == "local":
        here = LocalTrainer(settings)
        yield Watcher(
            Cloud(settings),
            here.submit,
            here.is_under_way,
            read_alarm_facts,
            on_news,
            end_of=here.end_of,
            stop=here.stop,
            crowded=here.crowded,
            wait=here.wait,
        )
        return
    from pipelines.kubeflow.api import connected
    from pipelines.kubeflow.compiling import require_image
    from pipelines.watch.remote import KubeflowTrainer

    require_image(settings)
    with connected(settings) as kubeflow:
        trainer = KubeflowTrainer(kubeflow, settings)
        yield Watcher(
            Cloud(settings),
            trainer.submit,
            trainer.is_under_way,
            read_alarm_facts,
            on_news,
            has_ended=trainer.has_ended,
            stop=trainer.stop,
        )


def each_watched(
    settings: Settings, names: Sequence[str], on_news: Callable[[str, str], None], act: Callable[[Model, ContinuousSection], bool]
) -> bool:
    """Act on each model of these names, or on all that there are, which have a policy.

    Whatever is wrong with one is told, and the others have their turn. Returns whether nothing was wrong with any.
    """
    is_well = True
    for name in names or model_names(settings.models_folder):
        try:
            model = read_model(settings.models_folder, name)
            if model.continuous is not None:
                is_well = act(model, model.continuous) and is_well
            elif names:
                on_news(name, "not looked at: its model.toml has no section [continuous]")
        except PerennialError as error:
            on_news(name, f"not looked at: {error}")
            is_well = False
        except Exception as error:  # of a client, a disk or a fault of ours: it must not stop the looks at all other models
            log.exception("a look at a model failed", extra={"model": name})
            on_news(name, f"not looked at to the end: {type(error).__name__}: {error}")
            is_well = False
    return is_well


def watch_once(watcher: Watcher, names: Sequence[str]) -> bool:
    """Look at each model once. Returns whether each could be looked at to the end."""
    watcher.sources.begin_pass()
    return each_watched(watcher.cloud.settings, names, watcher.on_news, partial(watch_model, watcher))


def watch_to_the_end(watcher: Watcher, names: Sequence[str]) -> bool:
    """Look at each model, and again whenever a training has ended that this process began, until none is under way.

    Returns whether each could be looked at to the end each time.
    """
    is_well = watch_once(watcher, names)
    while watcher.wait(None):
        is_well = watch_once(watcher, names) and is_well
    return is_well
