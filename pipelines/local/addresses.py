"""The addresses on which the emulators listen: chosen once, and kept as long as no other process takes them."""

import json
import random
import socket
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from pathlib import Path

from components.errors import EmulatorError
from components.files import write_whole

HOST = "127.0.0.1"
CLOUD_SQL_PORT = 3307
"""The port of every Cloud SQL instance; it is fixed in Google's connector."""

PORTS = range(20_000, 30_000)
"""Below the ports of outgoing connections, which would take a kept one now and then."""


@dataclass(frozen=True)
class Addresses:
    """The ports on 127.0.0.1, and the loopback address on whose port 3307 the Cloud SQL instance listens."""

    cloud_sql: int
    cloud_storage: int
    bigquery: int
    bigquery_storage: int
    """gRPC"""
    instance: str


def read(file: Path) -> Addresses | None:
    """Read the addresses that were chosen; None if there are none yet."""
    try:
        return Addresses(**json.loads(file.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def choose(file: Path, *, in_use: Collection[str], progress: Callable[[str], None]) -> Addresses:
    """Choose addresses: those that were chosen before, except where another process has taken one since.

    Args:
        file: holds the addresses from one start to the next.
        in_use: the names of those on which our own emulators are listening.
        progress: called with a sentence for every address that had to change.

    Raises:
        EmulatorError: nothing is free.
    """
    kept = read(file)
    chosen: dict[str, int | str] = {}
    for name in (field.name for field in fields(Addresses)):
        old = getattr(kept, name) if kept else None
        if old is not None and (name in in_use or _is_free(old)):
            chosen[name] = old
            continue
        chosen[name] = _free_instance_address() if name == "instance" else _free_port(set(chosen.values()))
        if old is not None:
            progress(f"{name}: {_endpoint(old)} was taken by another process; it is {_endpoint(chosen[name])} from now on")
    write_whole(file, json.dumps(chosen, indent=2) + "\n")
    return Addresses(**chosen)  # type: ignore[arg-type]


def _endpoint(address: int | str) -> str:
    return f"{HOST}:{address}" if isinstance(address, int) else f"{address}:{CLOUD_SQL_PORT}"


def _is_free(address: int | str) -> bool:
    where = (HOST, address) if isinstance(address, int) else (address, CLOUD_SQL_PORT)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
        try:
            probe.bind(where)
        except OSError:
            return False
    return True


def _free_port(taken: Collection[int | str]) -> int:
    for port in random.sample(PORTS, len(PORTS)):  # at random, so that two state folders set up at the same time do not collide
        if port not in taken and _is_free(port):
            return port
    raise EmulatorError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free on {HOST}: stop what listens there")


def _free_instance_address() -> str:
    """A loopback address whose port 3307 is free. Linux has all of 127.0.0.0/8, other systems only 127.0.0.1."""
    candidates = [HOST]
    if sys.platform == "linux":
        candidates = [f"127.77.{number // 254}.{number % 254 + 1}" for number in random.sample(range(256 * 254), 50)]
    for address in candidates:
        if _is_free(address):
            return address
    raise EmulatorError(f"port {CLOUD_SQL_PORT} is taken on {' '.join(candidates[:3])}: stop the process that listens there")
