"""Read what was pinned: rows of the source table, and the rows that source.sql makes of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from perennial.services import Version, open_cloud, version_number

if TYPE_CHECKING:
    import pyarrow as pa

    from components.cloud import Cloud
    from components.snapshot.document import Snapshot


def read_snapshot(snapshot: str, *, columns: Sequence[str] = ()) -> "pa.Table":
    """The rows of the source table that a snapshot has pinned, by partition.

    Args:
        snapshot: its id, or the first 6 digits of it or more.
        columns: those to read; all if empty.

    Raises:
        RegistryError: there is no such snapshot, or several.
        SourceError: the table that kept the rows has expired.
        AccessError: a service refuses the credentials, or does not answer.
    """
    import pyarrow as pa

    from components.snapshot.pinned import stream_pinned

    cloud = open_cloud()
    return pa.Table.from_batches(list(stream_pinned(cloud, _document(cloud, snapshot), columns=columns)))


def read_rows(model: str, version: Version = "latest") -> "pa.Table":
    """The rows that source.sql, as it is in the model's folder now, makes of the snapshot of a version: key, span, features and label.

    They are in the order of the spans, and those that training would leave out are there too.

    Raises:
        RegistryError: there is no such version.
        SourceError: source.sql does not run on the snapshot, or the table that kept its rows has expired.
        AccessError: a service refuses the credentials, or does not answer.
    """
    import pyarrow as pa

    from components.examples.live import stream_any_rows
    from components.model.folder import read_model
    from components.registry.history import read_version

    cloud = open_cloud()
    number = version_number(cloud, model, version)
    with cloud.engine.connect() as connection:
        pinned = _document(cloud, read_version(connection, model, number).snapshot.snapshot_id)
    found = read_model(cloud.settings.models_folder, model)
    batches = stream_any_rows(cloud, found, pinned.window, table=pinned.snapshot_table)
    return pa.Table.from_batches([batch for _, batch in batches])


def _document(cloud: "Cloud", snapshot: str) -> "Snapshot":
    from components.registry.snapshot_use import read_snapshot_story
    from components.snapshot.document import snapshot_from

    with cloud.engine.connect() as connection:
        return snapshot_from(read_snapshot_story(connection, snapshot).snapshot.document)
