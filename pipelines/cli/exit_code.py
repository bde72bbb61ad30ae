"""How a command ends, as a number for scripts (docs/commands.md)."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Every number has one meaning, whichever command ends with it."""

    DONE = 0
    FAILED = 1
    """An error, told in one sentence."""
    BLOCKED = 2
    """A gate refuses data or a model: rows break the schema, or metrics are below their thresholds."""
    DIFFERS = 3
    """The command did its work; what it compared is not as it was recorded: damaged bytes, a version that was not reproduced."""
    USAGE = 64
    """The command line itself is wrong: EX_USAGE of sysexits.h."""
