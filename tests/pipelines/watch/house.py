"""A model whose versions can be deployed, new data for it, and alarms about it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from google.cloud import storage

from components.cloud import Cloud
from components.decisions.record import read_decision, read_decisions
from components.model.folder import Model
from components.policy.facts import AlarmFact
from components.registry.deployments import Action, history
from components.storage.objects import push_folder
from pipelines.watch.deploying import approve
from pipelines.watch.model_pass import watch_model
from pipelines.watch.watcher import Watcher
from tests.components.served_model import changed
from tests.components.visits import Site, day, visits
from tests.pipelines.watch.trainer import Trainer, watcher_of


class House:
    """A model whose versions can be deployed, new data for it, and alarms about it."""

    def __init__(self, source: Site, model: Model, client: storage.Client, bucket: str, folder: Path, copies: Path) -> None:
        self.source, self.model, self.client, self.bucket, self.folder, self.copies = source, model, client, bucket, folder, copies
        self.cloud = Cloud(source.settings.model_copy(update={"bucket": bucket}))
        vars(self.cloud).update(warehouse=source.client)
        self.alarms: list[AlarmFact] = []
        self.days = 6

    def watch(self, on_point: Callable[[str], None] = lambda _: None) -> list[str]:
        """Train on a day more, and look."""
        assert self.model.continuous is not None
        news: list[str] = []
        watch_model(self.watcher(news, on_point), self.model, self.model.continuous)
        return news

    def watcher(self, news: list[str], on_point: Callable[[str], None]) -> Watcher:
        folder = changed(self.folder, self.copies / str(len(list(self.copies.iterdir()))), {"note": str(self.days)})
        manifest = push_folder(self.client, self.bucket, model=self.model.name, folder=folder, metadata={})
        trainer = Trainer(self.cloud, on_point=on_point, manifest=manifest)
        return watcher_of(self.cloud, trainer, news=news, on_point=on_point, read_alarms=lambda *_: tuple(self.alarms))

    def load_a_day(self) -> None:
        self.days += 1
        self.source.load(visits(self.days), day(self.days))

    def live(self, target: str) -> list[tuple[Action, int | None]]:
        with self.cloud.engine.connect() as connection:
            return [(one.action, one.version) for one in history(connection, self.model.name, target)][::-1]

    def last_decision(self) -> int:
        with self.cloud.engine.connect() as connection:
            return read_decisions(connection, self.model.name, limit=1)[0].decision_id

    def approve(self, decision_id: int, target: str | None = None) -> list[str]:
        with self.cloud.engine.connect() as connection:
            decision = read_decision(connection, decision_id)
        return [one.sentence for one in approve(self.cloud, decision, target, reason="looked at")]


@pytest.fixture
def make_house(
    source: Site, watched: Callable[..., Model], client: storage.Client, bucket: str, saved_model: Path, tmp_path: Path
) -> Callable[[str], House]:
    """Builds one with a policy."""
    (tmp_path / "copies").mkdir()
    return lambda policy: House(source, watched(policy), client, bucket, saved_model, tmp_path / "copies")
