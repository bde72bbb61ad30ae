"""What must be there before the first run: the registry's tables, and the bucket of the model versions."""

from components.google import storage_client
from components.registry.engine import make_engine
from components.registry.migration import migrate
from components.registry.objects import ensure_bucket
from components.settings import Settings


def prepare(settings: Settings) -> None:
    """Bring the registry's schema up to date and make the bucket. Doing it again changes nothing.

    Raises:
        AccessError: Cloud SQL or Cloud Storage refuses, or does not answer.
        RegistryError: the database is newer than this code.
    """
    migrate(make_engine(settings))
    ensure_bucket(storage_client(settings), settings.bucket, settings.location)
