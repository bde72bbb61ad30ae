"""The models that a watcher looks at, and one look at each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from components.cloud import Cloud
from components.decisions.alarms import read_alarm_facts
from components.errors import PerennialError
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model, model_names, read_model
from components.settings import Settings
from pipelines.watch.local import train_here
from pipelines.watch.model_pass import watch_model
from pipelines.watch.watcher import Watcher


@contextmanager
def new_watcher(settings: Settings, on: str, on_news: Callable[[str, str], None]) -> Iterator[Watcher]:
    """A watcher that trains on this machine (`local`), whose runs the registry knows as soon as they begin, or on Kubeflow.

    Raises:
        PerennialError: the settings lack something for Kubeflow.
    """
    if on == "local":
        yield Watcher(Cloud(settings), train_here, lambda _: False, read_alarm_facts, on_news)
        return
    from pipelines.kubeflow.api import connected
    from pipelines.kubeflow.compiling import require_image
    from pipelines.watch.remote import KubeflowTrainer

    require_image(settings)
    with connected(settings) as kubeflow:
        trainer = KubeflowTrainer(kubeflow, settings)
        yield Watcher(Cloud(settings), trainer.submit, trainer.is_under_way, read_alarm_facts, on_news, has_ended=trainer.has_ended)


def watched_models(
    settings: Settings, names: Sequence[str], on_news: Callable[[str, str], None]
) -> Iterator[tuple[Model, ContinuousSection]]:
    """The models of these names, or all that there are, which have a policy. A folder that cannot be read is told and passed over."""
    for name in names or model_names(settings.models_folder):
        try:
            model = read_model(settings.models_folder, name)
        except PerennialError as error:
            on_news(name, f"not looked at: {error}")
            continue
        if model.continuous is not None:
            yield model, model.continuous
        elif names:
            on_news(name, "not looked at: its model.toml has no section [continuous]")


def watch_once(watcher: Watcher, names: Sequence[str]) -> bool:
    """Look at each model once. Returns whether each could be looked at to the end."""
    watcher.sources.begin_pass()
    models = watched_models(watcher.cloud.settings, names, watcher.on_news)
    looks = [watch_model(watcher, model, policy) for model, policy in models]
    return all(looks)
