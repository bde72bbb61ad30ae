"""All that an export tells of a version, gathered once: what the registry knows, and what the team wrote."""

from dataclasses import dataclass

import sqlalchemy as sa

from components.model.card import CardFile, read_card_file
from components.model.folder import Model
from components.registry.evaluations import Evaluation
from components.registry.history import VersionStory, read_version


@dataclass(frozen=True)
class Exported:
    """A version as others shall know it."""

    model: Model
    """As its folder is today: the title and the owner are the present ones."""
    words: CardFile
    story: VersionStory

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
    return Exported(model=model, words=read_card_file(model.folder), story=read_version(connection, model.name, number))
