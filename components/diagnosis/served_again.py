"""What source.sql gives now for days that were served: what the service should have been given."""

from collections.abc import Sequence
from datetime import date

from components.cloud import Cloud
from components.examples.live import stream_any_rows
from components.google import table_name
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles, sum_profiles
from components.profiles.profiling import profile_batch
from components.snapshot.source import read_source_table
from components.snapshot.window import Window, span_history_start


def profile_served_again(cloud: Cloud, model: Model, days: Sequence[date], through: date) -> dict[date, ColumnProfiles]:
    """The profiles of the features of days, by the partitions up to one. Labels are left out, since they may not be final.

    Raises:
        SourceError: source.sql does not run on the table.
        AccessError: BigQuery refuses or does not answer.
    """
    window = Window(tuple(days), span_history_start(model, min(days)), through)
    found: dict[date, ColumnProfiles] = {}
    rows = model.rows
    for day, batch in stream_any_rows(cloud, model, window, table=table_name(read_source_table(cloud, model))):
        features = [name for name in batch.schema.names if name not in (rows.key, rows.span, rows.label)]
        profiles = profile_batch(batch.select(features))
        found[day] = sum_profiles([found[day], profiles]) if day in found else profiles
    return found
