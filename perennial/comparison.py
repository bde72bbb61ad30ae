"""Compare two versions of a model: why they differ, or which one is right today."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from perennial.services import Version, open_cloud, version_number

if TYPE_CHECKING:
    import pandas as pd

    from components.cloud import Cloud
    from components.diagnosis.newest.newest import Newest
    from components.diagnosis.versions import VersionComparison


@dataclass(frozen=True, kw_only=True)
class VersionsCompared:
    """Two versions side by side."""

    culprit: str
    """What most likely makes them different, in one sentence."""
    verdict: str | None
    """Whether source or model is wrong today, and whether a rollback helps; None if the newest data were not asked for."""
    versions: "VersionComparison"
    """All that differs: data by column, metrics, files of code with their diffs, packages and parameters."""
    newest: "Newest | None"
    """Both versions on the newest data."""

    @property
    def metrics(self) -> "pd.DataFrame":
        """The metrics of both, as each was measured when it was made: `metric`, `slice`, `before`, `after`, `significance`."""
        import pandas as pd

        from components.evaluation.metric import slice_key

        rows = [
            (
                one.name,
                slice_key(one.slice),
                one.before.value if one.before else None,
                one.after.value if one.after else None,
                str(one.significance),
            )
            for one in self.versions.metrics
        ]
        frame = pd.DataFrame(rows, columns=["metric", "slice", "before", "after", "significance"])
        return frame.astype({"before": "float64", "after": "float64"})


def compare(model: str, before: Version, after: Version, *, newest: bool = False, through: date | None = None) -> VersionsCompared:
    """Explain why two versions of a model differ, as `perennial compare MODEL BEFORE AFTER` does.

    Args:
        model: its name.
        before: a version, or the id of a run that made none.
        after: the same.
        newest: also evaluate both on the newest rows of the source, which takes a minute.
        through: the newest partition to use for that; None means the last one.

    Raises:
        RegistryError: there is no such version or run.
        SourceError: the model's source cannot be read as model.toml says.
        AccessError: a service refuses the credentials, or does not answer.
    """
    from components.diagnosis.versions import compare_versions
    from components.model.folder import read_model

    cloud = open_cloud()
    found = read_model(cloud.settings.models_folder, model)
    compared = compare_versions(cloud, found, *(_operand(cloud, model, one) for one in (before, after)))
    if not newest:
        return VersionsCompared(culprit=compared.culprit, verdict=None, versions=compared, newest=None)
    from components.diagnosis.newest.newest import look_at_newest, newest_culprit
    from components.diagnosis.newest.verdict import Between

    stories = [side.story for side in (compared.before, compared.after) if side.story]
    between = Between(difference=compared.culprit, broken=compared.broken)
    now = look_at_newest(cloud, found, stories, between=between, through=through, progress=lambda _: None)
    return VersionsCompared(culprit=newest_culprit(now, compared.culprit), verdict=now.verdict.sentence, versions=compared, newest=now)


def _operand(cloud: "Cloud", model: str, wanted: Version) -> str:
    """A version as `compare_versions` takes it: its number, or the id of a run."""
    from components.registry.reference import REFERENCE

    is_reference = isinstance(wanted, int) or REFERENCE.fullmatch(wanted)
    return str(version_number(cloud, model, wanted)) if is_reference else str(wanted)
