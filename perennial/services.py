"""The services that the settings name, as the functions of this package ask them."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.cloud import Cloud
    from components.settings import Settings

Version = int | str
"""A version's number, `latest`, `live` or `live@TARGET`."""


def open_cloud() -> "Cloud":
    """The clients of the services. Those of the same settings are shared, so that only the first call logs in.

    Raises:
        SettingsError: a setting is missing, wrong or unknown.
        EmulatorError: they are those of this machine, and the emulators were never started.
    """
    from components.settings import read_ready_settings

    return _cloud_of(read_ready_settings())


@lru_cache(maxsize=1)
def _cloud_of(settings: "Settings") -> "Cloud":
    from components.cloud import Cloud

    return Cloud(settings)


def version_number(cloud: "Cloud", model: str, wanted: Version) -> int:
    """The number of a version.

    Raises:
        RegistryError: there is none of that name at the moment.
    """
    if isinstance(wanted, int):
        return wanted
    from components.registry.reference import referenced_version

    with cloud.engine.connect() as connection:
        return referenced_version(connection, model, wanted)
