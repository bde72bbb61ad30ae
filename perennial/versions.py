"""What the registry knows of a model's versions."""

from typing import TYPE_CHECKING

from perennial.services import Version, open_cloud, version_number

if TYPE_CHECKING:
    import pandas as pd

    from components.registry.history import VersionStory, VersionSummary


def versions(model: str, *, limit: int | None = None) -> "list[VersionSummary]":
    """The newest versions of a model, oldest first; all of them without a limit.

    Raises:
        RegistryError: the model has no version; the text says which models have some.
        AccessError: the registry refuses the credentials, or does not answer.
    """
    from components.registry.history import list_versions

    with open_cloud().engine.connect() as connection:
        return list_versions(connection, model, limit=limit)


def version(model: str, version: Version = "latest") -> "VersionStory":
    """Everything about a version: its data, code, packages, metrics, verdicts and deployments.

    Raises:
        RegistryError: there is no such version.
        AccessError: the registry refuses the credentials, or does not answer.
    """
    from components.registry.history import read_version

    cloud = open_cloud()
    number = version_number(cloud, model, version)
    with cloud.engine.connect() as connection:
        return read_version(connection, model, number)


def metrics(model: str, version: Version = "latest") -> "pd.DataFrame":
    """The metrics of a version: a row for each metric of each slice of each split that a run measured.

    The columns are `metric`, `slice` (such as `country=DE`; empty for all rows), `value`, `low` and `high` (the 95 % interval, NaN where
    there is none), `rows`, `split` (`train`, `eval` or `newest`), `run` and `snapshot`. Those of the run that made the version come first.

    Raises:
        RegistryError: there is no such version.
        AccessError: the registry refuses the credentials, or does not answer.
    """
    import pandas as pd

    from components.evaluation.metric import slice_key

    story = _story(model, version)
    own = story.run.run.run_id
    rows = [
        {
            "metric": metric.name,
            "slice": slice_key(metric.slice),
            "value": metric.value,
            "low": metric.ci_low,
            "high": metric.ci_high,
            "rows": metric.example_count,
            "split": str(evaluation.split),
            "run": evaluation.run_id,
            "snapshot": evaluation.snapshot_id,
        }
        for evaluation in sorted(story.evaluations, key=lambda one: one.run_id != own)
        for metric in evaluation.metrics
    ]
    columns = ["metric", "slice", "value", "low", "high", "rows", "split", "run", "snapshot"]
    return pd.DataFrame(rows, columns=columns).astype({"value": "float64", "low": "float64", "high": "float64", "rows": "Int64"})


_story = version
"""In `metrics`, `version` is an argument."""
