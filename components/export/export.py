"""Export a version to another registry: its bytes are published first, and one export to a place runs at a time."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

import sqlalchemy as sa

from components.database.engine import make_engine
from components.database.statements import execute
from components.errors import SettingsError
from components.export.exported_version import Exported, read_exported
from components.export.mlflow import InMlflow, export_to_mlflow
from components.export.mlflow_client import MlflowClient, checked_uri
from components.export.vertex import InVertex, export_to_vertex, vertex_location
from components.google import storage_client, vertex_model_client
from components.model.folder import Model
from components.registry.publish import publish_version
from components.settings import Settings

NAME = re.compile("[a-z_][a-z0-9_-]{0,62}")
"""Names of models that both MLflow and Vertex AI accept."""


def read(settings: Settings, model: Model, number: int) -> Exported:
    """Read all that an export tells of a version.

    Raises:
        RegistryError: there is no such version.
        ModelFolderError: card.toml is not as it must be.
    """
    with make_engine(settings).connect() as connection:
        return read_exported(connection, model, number)


def to_mlflow(settings: Settings, model: Model, number: int, *, uri: str | None, name: str | None) -> InMlflow:
    """Register a version in the tracking server at `uri`, else that of the settings.

    Raises:
        SettingsError: there is no address of a server, or no name for a model.
        RegistryError: there is no such version, or the server refuses it; see `export_to_mlflow`.
        AccessError: a service does not answer, or refuses the credentials.
    """
    known = _checked_name(name or model.name)
    if (address := uri or settings.mlflow_tracking_uri) is None:
        raise SettingsError("no MLflow server is named: give --tracking-uri, or set PERENNIAL_MLFLOW_TRACKING_URI")
    place = f"mlflow {checked_uri(address)} {known}"
    with closing(MlflowClient(settings, address)) as client, _exported(settings, model, number, place=place) as (exported, source):
        return export_to_mlflow(client, settings, exported, name=known, source=source)


def to_vertex(settings: Settings, model: Model, number: int, *, location: str | None, image: str | None, name: str | None) -> InVertex:
    """Register a version in Vertex AI Model Registry.

    Raises:
        SettingsError: the location, the image or the name is none.
        RegistryError: there is no such version, or Vertex AI refuses it; see `export_to_vertex`.
        AccessError: a service does not answer, or refuses the credentials.
    """
    known, where = _checked_name(name or model.name), vertex_location(settings, location)
    client = vertex_model_client(settings, where)
    with _exported(settings, model, number, place=f"vertex {where} {known}") as (exported, source):
        return export_to_vertex(client, settings, exported, location=where, name=known, source=source, image=image)


def _checked_name(name: str) -> str:
    """The name of a model elsewhere.

    Raises:
        SettingsError: it is none that every registry takes.
    """
    if not NAME.fullmatch(name):
        raise SettingsError(f"--name {name[:100]!r} is no name for a model: write small letters, digits, _ and -, at most 63")
    return name


@contextmanager
def _exported(settings: Settings, model: Model, number: int, *, place: str) -> Iterator[tuple[Exported, str]]:
    """Publish a version under the lock of a place; gives what is known of it and the address of its published folder."""
    with make_engine(settings).connect() as connection, _only_exporter(connection, place):
        exported = read_exported(connection, model, number)
        connection.commit()  # nothing in the database is kept waiting for other services
        yield exported, _published(settings, exported)


@contextmanager
def _only_exporter(connection: sa.Connection, place: str) -> Iterator[None]:
    """Hold a lock of the registry's database while exporting to `place`; the connection is of no use afterwards.

    Other services have no way to make a thing only if it is not there.

    Raises:
        AccessError: somebody else has been exporting there for too long, or the database cannot be reached.
    """
    execute(connection, "exports.lock", place=place)
    connection.commit()
    try:
        yield
    finally:
        connection.invalidate()  # the session's end gives back the lock, whatever happened to it meanwhile


def _published(settings: Settings, exported: Exported) -> str:
    """The address of the published folder, which is completed if need be."""
    story = exported.story
    metadata = {"run": story.run.run.run_id, "snapshot": story.snapshot.snapshot_id}
    return publish_version(
        storage_client(settings), settings.bucket, model=story.model, number=story.number, uri=story.manifest.uri, metadata=metadata
    )
