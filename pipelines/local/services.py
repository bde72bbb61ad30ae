"""Create what the first run needs: the registry's tables, and the bucket of the model versions."""

from components.database.engine import make_engine
from components.database.membership import make_members
from components.database.migration import migrate
from components.database.roles import Role
from components.deployment.target import require_replaceable
from components.google import storage_client
from components.settings import Settings
from components.storage.objects import ensure_bucket
from pipelines.local.accounts import service_accounts


def prepare(settings: Settings) -> None:
    """Bring the registry's schema up to date and create the bucket. Repeating it changes nothing.

    Raises:
        AccessError: Cloud SQL or Cloud Storage refuses, or does not answer.
        RegistryError: the database is newer than this code.
    """
    _prepare_registry(settings)
    client = storage_client(settings)
    ensure_bucket(client, settings.bucket, settings.location)
    if settings.serving_bucket is not None:
        ensure_bucket(client, settings.serving_bucket, settings.location)
    require_replaceable(client, settings)


def _prepare_registry(settings: Settings) -> None:
    """Bring the registry's schema up to date. With the emulators, the owner first makes the other users members of their roles.

    Raises:
        AccessError: Cloud SQL refuses, or does not answer.
        RegistryError: the database is newer than this code.
    """
    owner = make_engine(settings.as_owner())
    if settings.is_local and settings.owner_user is not None:
        reader = service_accounts(settings)["reader"].removesuffix(".gserviceaccount.com")
        make_members(owner, {settings.database_user: Role.WRITER, reader: Role.READER})
    migrate(owner)
