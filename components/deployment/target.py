"""The configuration of a target: one object, from which TensorFlow Serving reads the live version of each model.

The log of deployments decides what is live. The object is written within the transaction that appends to the log. If a process died in
between, the next command restores the object from the log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from components.errors import RegistryError, SettingsError
from components.registry.deployments import live_on_target, lock_target
from components.settings import Settings
from components.storage.errors import storage_errors
from components.storage.objects import RETRY

NAME = "models.config"
TITLE = "# What TensorFlow Serving loads: a projection of the log of deployments, which Perennial writes. Do not edit it.\n"
CONFIG = """  config {{
    name: "{model}"
    base_path: "gs://{bucket}/models/{model}"
    model_platform: "tensorflow"
    model_version_policy {{ specific {{ versions: {version} }} }}
  }}
"""
SERVED = re.compile(r'name: "(\w+)".*?versions: (\d+)', re.DOTALL)
PATIENCE = RETRY.with_timeout(8.0)
"""Shorter than the 10 seconds for which other commands wait for the target."""
CALL_SECONDS = 8.0
DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class TargetConfig:
    """The text of a target's configuration, and its generation in Cloud Storage: 0 if there is no object."""

    text: str
    generation: int

    @property
    def served(self) -> dict[str, int]:
        """The version of each model that it names."""
        return {model: int(version) for model, version in SERVED.findall(self.text)}


def config_uri(settings: Settings, target: str) -> str:
    """The URI from which TensorFlow Serving reads the configuration of a target."""
    return f"gs://{settings.configuration_bucket}/serving/{target}/{NAME}"


def _config_text(bucket: str, live: Mapping[str, int]) -> str:
    """TensorFlow Serving's ModelServerConfig as text. `live` has the version of each model."""
    configs = "".join(CONFIG.format(model=model, bucket=bucket, version=live[model]) for model in sorted(live))
    return f"{TITLE}model_config_list {{\n{configs}}}\n"


def _read_config(client: storage.Client, settings: Settings, target: str) -> TargetConfig:
    """Read the configuration of a target from Cloud Storage.

    Raises:
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    blob = _blob(client, settings, target)
    with storage_errors(blob.bucket.name):
        try:
            content = blob.download_as_bytes(retry=PATIENCE, timeout=CALL_SECONDS)
        except NotFound:
            return TargetConfig("", 0)
    return TargetConfig(content.decode(errors="replace"), int(blob.generation))


def switch(connection: sa.Connection, client: storage.Client, settings: Settings, target: str) -> TargetConfig | None:
    """Write what is live according to this transaction's log into the object. Returns the object before; None if nothing had to change.

    Raises:
        RegistryError: another writer changed the object at the same time.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    lock_target(connection, target)
    live = live_on_target(connection, target)
    before, text = _read_config(client, settings, target), _config_text(settings.bucket, live)
    if before.text == text or (not live and not before.generation):
        return None
    _write(client, settings, target, text, generation=before.generation)
    return before


def repair_target(engine: sa.Engine, client: storage.Client, settings: Settings, target: str) -> str | None:
    """Restore the object from the log if a process died before writing it, or somebody changed it. Returns what was wrong, or None.

    Raises:
        RegistryError: another writer changed the object at the same time.
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    with engine.begin() as connection:
        before = switch(connection, client, settings, target)
        return None if before is None else _difference(before, live_on_target(connection, target), config_uri(settings, target))


def target_problem(connection: sa.Connection, client: storage.Client, settings: Settings, target: str) -> str | None:
    """Say how the object differs from the log, without changing it; None if it does not."""
    lock_target(connection, target)
    live, now = live_on_target(connection, target), _read_config(client, settings, target)
    if now.text == _config_text(settings.bucket, live) or (not live and not now.generation):
        return None
    return _difference(now, live, config_uri(settings, target))


def _difference(now: TargetConfig, live: Mapping[str, int], uri: str) -> str:
    """Say in one sentence where the object and the log first disagree."""
    for model in sorted(now.served.keys() | live.keys()):
        if now.served.get(model) != live.get(model):
            names, says = ("nothing" if number is None else f"version {number}" for number in (now.served.get(model), live.get(model)))
            return f"{uri} named {names} of {model}, and the log says {says}"
    return f"{uri} was not as Perennial writes it"


def require_replaceable(client: storage.Client, settings: Settings) -> None:
    """Refuse a bucket that would not let a configuration be replaced, before the first is written and every later deployment fails.

    Raises:
        SettingsError: the bucket has a retention policy, or holds new objects by default.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    name = settings.configuration_bucket
    with storage_errors(name):
        bucket = client.get_bucket(name, retry=RETRY)
    if bucket.retention_period:
        rule = f"keeps every object for {bucket.retention_period / DAY_SECONDS:g} days (its retention policy)"
    elif bucket.default_event_based_hold:
        rule = "holds every new object (its default event-based hold)"
    else:
        return
    raise SettingsError(
        f"bucket {name} {rule}, and what a target serves is replaced at every deployment: set PERENNIAL_SERVING_BUCKET to a bucket "
        "without such a rule (docs/storage.md)"
    )


def _write(client: storage.Client, settings: Settings, target: str, text: str, *, generation: int) -> None:
    blob = _blob(client, settings, target)
    blob.cache_control = "no-cache"
    with storage_errors(blob.bucket.name):
        try:
            blob.upload_from_string(
                text, "text/plain", if_generation_match=generation, checksum="crc32c", retry=PATIENCE, timeout=CALL_SECONDS
            )
        except PreconditionFailed as error:  # be it by an attempt of ours whose answer was lost
            if _read_config(client, settings, target).text != text:
                raise RegistryError(f"{config_uri(settings, target)} is written by something else: run the command again") from error


def _blob(client: storage.Client, settings: Settings, target: str) -> storage.Blob:
    return client.bucket(settings.configuration_bucket).blob(f"serving/{target}/{NAME}")
