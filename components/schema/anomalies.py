"""Anomalies: where the rows of a split break the pinned schema, as TensorFlow Data Validation finds it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import anomalies_pb2


@dataclass(frozen=True)
class Anomaly:
    """One way in which the rows of a split break the schema."""

    split: str
    feature: str
    """Empty if the rows as a whole break it."""
    short: str
    long: str

    @property
    def sentence(self) -> str:
        """Where the schema is broken, and how."""
        where = f"column {self.feature} of split {self.split}" if self.feature else f"split {self.split}"
        return f"{where} breaks schema.pbtxt: {self.long}"


def list_anomalies(found: "anomalies_pb2.Anomalies", *, split: str, each_reason: bool = False) -> tuple[Anomaly, ...]:
    """The anomalies of a split, those of the rows as a whole first, then by feature.

    Args:
        found: what TFDV found.
        split: the split that it looked at.
        each_reason: gives one anomaly for each reason instead of one for each feature.
    """
    whole = [found.dataset_anomaly_info] if found.HasField("dataset_anomaly_info") else []
    infos = [*(("", info) for info in whole), *sorted(found.anomaly_info.items())]
    anomalies = [
        Anomaly(split, feature, reason.short_description, " ".join(reason.description.split()).rstrip(" ."))
        for feature, info in infos
        for reason in ((each_reason and info.reason) or (info,))
    ]
    return (*((Anomaly(split, "", "No examples", "there is not one example"),) if found.data_missing else ()), *anomalies)
