"""The models that a watcher looks at, and one look at each."""

from collections.abc import Callable, Iterator, Sequence

from components.cloud import Cloud
from components.decisions.alarms import read_alarm_facts
from components.errors import PerennialError
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model, model_names, read_model
from components.settings import Settings
from pipelines.watch.model_pass import watch_model
from pipelines.watch.watcher import TrainingEnd, TrainingOrder, Watcher


def new_watcher(settings: Settings, train: Callable[[TrainingOrder], TrainingEnd | None], on_news: Callable[[str, str], None]) -> Watcher:
    """A watcher of this machine: its runs are known to the registry as soon as they begin."""
    return Watcher(Cloud(settings), train, lambda _: False, read_alarm_facts, on_news)


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


def watch_once(watcher: Watcher, names: Sequence[str]) -> None:
    """Look at each model once."""
    watcher.sources.begin_pass()
    for model, policy in watched_models(watcher.cloud.settings, names, watcher.on_news):
        watch_model(watcher, model, policy)
