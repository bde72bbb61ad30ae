"""What a target serves, as TensorFlow Serving reads it: one object that says of the log of deployments what is live.

The log decides. The object is written within the transaction that appends to the log; where a process died in between, it is put
back to what the log says by whoever comes next.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from components.errors import RegistryError
from components.registry.deployments import live_on_target, lock_target
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
"""Others wait for the target meanwhile, for 10 seconds."""
CALL_SECONDS = 8.0


@dataclass(frozen=True)
class Config:
    """The text of the object, and its generation: 0 while there is none."""

    text: str
    generation: int

    @property
    def served(self) -> dict[str, int]:
        """The version of each model."""
        return {model: int(version) for model, version in SERVED.findall(self.text)}


def config_uri(bucket: str, target: str) -> str:
    """Where TensorFlow Serving finds the configuration of a target."""
    return f"gs://{bucket}/serving/{target}/{NAME}"


def config_text(bucket: str, live: Mapping[str, int]) -> str:
    """TensorFlow Serving's ModelServerConfig for the version of each model, by name."""
    configs = "".join(CONFIG.format(model=model, bucket=bucket, version=live[model]) for model in sorted(live))
    return f"{TITLE}model_config_list {{\n{configs}}}\n"


def read_config(client: storage.Client, bucket: str, target: str) -> Config:
    """The configuration of a target as it is in Cloud Storage.

    Raises:
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    blob = _blob(client, bucket, target)
    with storage_errors(bucket):
        try:
            content = blob.download_as_bytes(retry=PATIENCE, timeout=CALL_SECONDS)
        except NotFound:
            return Config("", 0)
    return Config(content.decode(errors="replace"), int(blob.generation))


def switch(connection: sa.Connection, client: storage.Client, bucket: str, target: str) -> Config | None:
    """Make the object say what the log says in this transaction. Returns what it said before; None if that was the same.

    Raises:
        RegistryError: something else writes the object at the same time.
        AccessError: Cloud Storage cannot be reached, or refuses the credentials.
    """
    lock_target(connection, target)
    live = live_on_target(connection, target)
    before, text = read_config(client, bucket, target), config_text(bucket, live)
    if before.text == text or (not live and not before.generation):
        return None
    _write(client, bucket, target, text, generation=before.generation)
    return before


def repair_target(engine: sa.Engine, client: storage.Client, bucket: str, target: str) -> str | None:
    """Put the object back to what the log says, should somebody have died in between, or changed it. Returns what was wrong.

    Raises:
        RegistryError: something else writes the object at the same time.
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    with engine.begin() as connection:
        before = switch(connection, client, bucket, target)
        return None if before is None else difference(before, live_on_target(connection, target), config_uri(bucket, target))


def target_problem(connection: sa.Connection, client: storage.Client, bucket: str, target: str) -> str | None:
    """What is wrong with the object, without changing it; None when it says what the log says."""
    lock_target(connection, target)
    live, now = live_on_target(connection, target), read_config(client, bucket, target)
    if now.text == config_text(bucket, live) or (not live and not now.generation):
        return None
    return difference(now, live, config_uri(bucket, target))


def difference(now: Config, live: Mapping[str, int], uri: str) -> str:
    """The first thing that the object and the log do not agree on."""
    for model in sorted(now.served.keys() | live.keys()):
        if now.served.get(model) != live.get(model):
            names, says = ("nothing" if number is None else f"version {number}" for number in (now.served.get(model), live.get(model)))
            return f"{uri} named {names} of {model}, and the log says {says}"
    return f"{uri} was not as Perennial writes it"


def _write(client: storage.Client, bucket: str, target: str, text: str, *, generation: int) -> None:
    blob = _blob(client, bucket, target)
    blob.cache_control = "no-cache"
    with storage_errors(bucket):
        try:
            blob.upload_from_string(
                text, "text/plain", if_generation_match=generation, checksum="crc32c", retry=PATIENCE, timeout=CALL_SECONDS
            )
        except PreconditionFailed as error:  # be it by an attempt of ours whose answer was lost
            if read_config(client, bucket, target).text != text:
                raise RegistryError(f"{config_uri(bucket, target)} is written by something else: run the command again") from error


def _blob(client: storage.Client, bucket: str, target: str) -> storage.Blob:
    return client.bucket(bucket).blob(f"serving/{target}/{NAME}")
