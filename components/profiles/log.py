"""Profile what the prediction service has logged."""

from datetime import date

from components.cloud import Cloud
from components.errors import ModelFolderError
from components.model.folder import Model
from components.profiles.profile import ColumnProfile, ProfileKey, label_population
from components.profiles.source import profile_source
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.columns import read_features
from components.snapshot.describe import describe_table


def profile_log(cloud: Cloud, model: Model, first: date, last: date) -> dict[ProfileKey, dict[str, ColumnProfile]]:
    """Profile the features that were logged from `first` to `last`, by day, as rows of source.sql whose label is not known.

    Raises:
        ModelFolderError: model.toml names no log.
        SourceError: nothing was logged on these days.
        AccessError: BigQuery refuses or does not answer.
    """
    serving = model.serving
    if serving.log is None or serving.log_partition_field is None:
        raise ModelFolderError(
            f"model {model.name!r} has no log of predictions: add log and log_partition_field to [serving] of model.toml"
        )
    name = f"{cloud.settings.project}.{serving.log}"
    with bigquery_errors(cloud.settings, f"log {name} of model {model.name!r}", remedy="correct serving.log in model.toml"):
        table = cloud.warehouse.get_table(name, timeout=30)
    snapshot, as_of = describe_table(cloud, model, table, field=serving.log_partition_field, days=(first, last))
    features = read_features(model)
    profiles = profile_source(cloud, snapshot, {}, as_of=as_of)
    return {
        ProfileKey(label_population(0), part.day, part.fingerprint): {
            column: profile for column, profile in columns.items() if column in features
        }
        for part, columns in profiles.items()
    }
