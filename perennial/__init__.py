"""What the commands do, as functions of Python (docs/python.md). Importing it takes no time: each function imports what it needs."""

from perennial.comparison import VersionsCompared, compare
from perennial.scoring import LoadedModel, load
from perennial.snapshots import read_rows, read_snapshot
from perennial.training import Training, train
from perennial.versions import metrics, version, versions

__all__ = [
    "LoadedModel",
    "Training",
    "VersionsCompared",
    "compare",
    "load",
    "metrics",
    "read_rows",
    "read_snapshot",
    "train",
    "version",
    "versions",
]
