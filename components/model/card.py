"""What only the team knows about a model, for its model card: the optional `card.toml` in the model's folder."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from components.errors import ModelFolderError
from components.model.folder import CARD_FILE
from components.validation import refusals

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Address = Annotated[str, StringConstraints(pattern=r"^(https?|gs|mailto):[^\s<>\"]{1,1000}$")]
Licence = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$")]
"""An SPDX identifier, or `proprietary`."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Risk(_Section):
    """A harm that the model may do, and what is done about it."""

    name: Line
    mitigation: Line | None = None


class DataOrigin(_Section):
    """A data set from which the source table was made."""

    name: Line
    licence: Line | None = None
    link: Address | None = None
    sensitive: tuple[Line, ...] = ()
    """Which of the data are personal or sensitive for another reason."""


class CardFile(_Section):
    """Statements about a model, not about one of its versions: they are not part of its code and may change without a training."""

    overview: Line | None = None
    contact: Line | None = None
    """How to reach the owner that model.toml names."""
    licence: Licence | None = None
    """The licence of the model."""
    references: tuple[Address, ...] = ()
    citations: tuple[Line, ...] = ()
    users: tuple[Line, ...] = ()
    use_cases: tuple[Line, ...] = ()
    limitations: tuple[Line, ...] = ()
    tradeoffs: tuple[Line, ...] = ()
    risks: tuple[Risk, ...] = ()
    data: tuple[DataOrigin, ...] = ()

    @property
    def sensitive_columns(self) -> tuple[str, ...]:
        """The columns that are called sensitive: what stands before the colon of a line."""
        return tuple(line.partition(":")[0].strip() for origin in self.data for line in origin.sensitive)


def read_card_file(folder: Path) -> CardFile:
    """Read the card.toml of a model's folder; an empty one if the folder has none.

    Raises:
        ModelFolderError: it is not valid.
    """
    path = folder / CARD_FILE
    if not path.is_file():
        return CardFile()
    try:
        return CardFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelFolderError(f"{path} is not TOML in UTF-8: {error}") from error
    except ValidationError as error:
        raise ModelFolderError(f"{path}: {refusals(error)}; correct it (see docs/export.md)") from error
