"""All that an export tells of a version, gathered once: what the registry knows, and what the team wrote."""

from dataclasses import dataclass

import sqlalchemy as sa

from components.model import Model
from components.registry.card_file import CardFile, read_card_file
from components.registry.deployments import Event, Retirement, history, live_of_model, read_candidate
from components.registry.evaluations import Evaluation
from components.registry.history import VersionStory, read_version


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A version as others shall know it."""

    model: Model
    """As its folder is today: the title and the owner are the present ones."""
    words: CardFile
    story: VersionStory
    events: tuple[Event, ...]
    """The deployments of this version, oldest first."""
    live_on: tuple[str, ...]
    """The targets that serve it now."""
    retirement: Retirement | None

    @property
    def first_evaluation(self) -> Evaluation | None:
        """What the run that made the version measured."""
        own = self.story.run.run.run_id
        return next((evaluation for evaluation in self.story.evaluations if evaluation.run_id == own), None)


def read_exported(connection: sa.Connection, model: Model, number: int) -> Exported:
    """All that is told of a version.

    Raises:
        RegistryError: there is no such version; the text says which there are.
        ModelFolderError: card.toml is not as it must be.
    """
    story = read_version(connection, model.name, number)
    return Exported(
        model=model,
        words=read_card_file(model.folder),
        story=story,
        events=tuple(event for event in reversed(history(connection, model.name)) if event.version == number),
        live_on=live_of_model(connection, model.name).get(number, ()),
        retirement=read_candidate(connection, model.name, number).retirement,
    )
