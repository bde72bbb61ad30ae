"""All that an export tells of a version, gathered once: what the registry knows, and what the team wrote."""

from dataclasses import dataclass

import sqlalchemy as sa

from components.model.card import CardFile, read_card_file
from components.model.folder import Model
from components.registry.history import VersionStory, read_version


@dataclass(frozen=True)
class Exported:
    """A version as others shall know it."""

    model: Model
    """The model as its folder is today: the title and the owner are the present ones."""
    words: CardFile
    story: VersionStory


def read_exported(connection: sa.Connection, model: Model, number: int) -> Exported:
    """All that is told of a version.

    Raises:
        RegistryError: there is no such version; the text says which there are.
        ModelFolderError: card.toml is not as it must be.
    """
    return Exported(model=model, words=read_card_file(model.folder), story=read_version(connection, model.name, number))
