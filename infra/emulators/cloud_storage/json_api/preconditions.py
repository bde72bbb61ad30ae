"""Preconditions: do this only if the object is still at the generation that I saw."""

from collections.abc import Mapping
from dataclasses import dataclass

from cloud_storage.errors import ConditionError, InvalidError, NotModifiedError

MESSAGE = "At least one of the pre-conditions you specified did not hold."


@dataclass(frozen=True)
class Preconditions:
    """What must hold; None means that it does not matter. Generation 0 stands for an object that does not exist."""

    generation: int | None = None
    other_generation: int | None = None
    metageneration: int | None = None
    other_metageneration: int | None = None

    def check(self, generation: int, metageneration: int, *, reading: bool = False) -> None:
        """Compare with what is there.

        Raises:
            ConditionError: something differs, or nothing differs where it should.
            NotModifiedError: the latter, for a reader.
        """
        if self.generation not in (None, generation) or self.metageneration not in (None, metageneration):
            raise ConditionError(MESSAGE)
        if self.other_generation == generation or self.other_metageneration == metageneration:
            raise NotModifiedError(MESSAGE) if reading else ConditionError(MESSAGE)


ANY = Preconditions()


def preconditions(parameters: Mapping[str, object], prefix: str = "if") -> Preconditions:
    """The preconditions among a request's parameters. A rewrite also has some on its source, with the prefix `ifSource`."""

    def number(name: str) -> int | None:
        value = parameters.get(prefix + name)
        if value is None:
            return None
        try:
            return int(str(value))
        except ValueError as error:
            raise InvalidError(f"Invalid value for {prefix}{name}: {value!r} is no whole number.") from error

    return Preconditions(
        generation=number("GenerationMatch"),
        other_generation=number("GenerationNotMatch"),
        metageneration=number("MetagenerationMatch"),
        other_metageneration=number("MetagenerationNotMatch"),
    )
