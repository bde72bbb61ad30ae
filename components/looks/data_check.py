"""What the data are checked for, and what a finding does to the run."""

from enum import StrEnum


class DataCheck(StrEnum):
    """What the data are checked for. Checks that point at a cause most closely come first, also in a list of findings."""

    MISSING_PARTITION = "missing partition"
    MISSING_COLUMN = "missing column"
    TEXT = "text in numbers"
    TYPE = "type"
    NOT_FINITE = "NaN or infinity"
    ENCODING = "encoding"
    FROZEN = "frozen"
    CONSTANT = "constant"
    NULLS = "NULLs"
    LENGTH = "length"
    LEAK = "leak"
    LABEL = "label"
    TIME_ZONE = "time zone"
    COVERAGE = "coverage"
    SWAPPED = "swapped columns"
    UNSEEN = "unseen values"
    RANGE = "range"
    UNIT = "another unit"
    ROWS = "rows"
    DRIFT = "drift"
    SKEW = "skew"
    DATE = "date"
    SCHEMA = "schema"
    LATE = "late data"


class Severity(StrEnum):
    """What a finding does to the run."""

    BLOCKS = "blocks"
    WARNS = "warns"
    """The run goes on, and its report shows the finding."""
