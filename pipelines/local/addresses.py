"""The addresses on which the emulators listen: chosen once, and kept as long as no other process takes them."""

import ipaddress
import json
import random
import socket
import sys
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields
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
    """The address on which the emulators listen, their ports there, and the address on whose port 3307 the Cloud SQL instance does."""

    host: str
    cloud_sql: int
    cloud_storage: int
    bigquery: int
    bigquery_storage: int
    """gRPC"""
    instance: str


def read(file: Path) -> Addresses | None:
    """Read the addresses that were chosen; None if there are none yet, or if the file is damaged."""
    try:
        found = Addresses(**json.loads(file.read_bytes()))
        ipaddress.ip_address(found.host), ipaddress.ip_address(found.instance)
        is_whole = all(type(port) is int and port in PORTS for name, port in asdict(found).items() if name not in ("host", "instance"))
    except (OSError, ValueError, TypeError):
        return None
    return found if is_whole else None


def choose(file: Path, host: str = HOST, *, in_use: Collection[str], progress: Callable[[str], None]) -> Addresses:
    """Choose addresses: those that were chosen before, except where another process has taken one since, or the host is another one.

    Args:
        file: holds the addresses from one start to the next.
        host: the address of this machine to listen on.
        in_use: the names of those on which our own emulators are listening.
        progress: called with a sentence for every address that had to change.

    Raises:
        EmulatorError: nothing is free, or the host is no address of this machine.
    """
    _require_own(host)
    kept = read(file)
    if kept and kept.host != host:
        in_use = ()  # they are going to be started anew, there
    ports: dict[str, int] = {}
    for name in (field.name for field in fields(Addresses) if field.type is int):
        port = getattr(kept, name) if kept else None
        ports[name] = port if port and (name in in_use or _is_free(host, port)) else _free_port(host, set(ports.values()))
        if port not in (None, ports[name]):
            progress(f"{name}: {host}:{port} was taken by another process; it is {host}:{ports[name]} from now on")
    old = kept.instance if kept and kept.host == host else None
    instance = old if old and ("instance" in in_use or _is_free(old, CLOUD_SQL_PORT)) else _free_instance_address(host)
    if old not in (None, instance):
        progress(f"instance: {old}:{CLOUD_SQL_PORT} was taken by another process; it is {instance}:{CLOUD_SQL_PORT} from now on")
    chosen = Addresses(host, **ports, instance=instance)
    write_whole(file, json.dumps(asdict(chosen), indent=2) + "\n")
    return chosen


def _require_own(host: str) -> None:
    with socket.socket() as probe:
        try:
            if not ipaddress.IPv4Address(host).is_unspecified:
                probe.bind((host, 0))
                return
        except (ValueError, OSError):
            pass
    raise EmulatorError(
        f"{host!r} is no IPv4 address of this machine: name one that containers reach, such as that of a bridge (`ip address`)"
    )


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(host: str, taken: Collection[int]) -> int:
    for port in random.sample(PORTS, len(PORTS)):  # at random, so that two state folders set up at the same time do not collide
        if port not in taken and _is_free(host, port):
            return port
    raise EmulatorError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free on {host}: stop what listens there")


def _free_instance_address(host: str) -> str:
    """An address whose port 3307 is free: the host, but on Linux any of 127.0.0.0/8 where the host is 127.0.0.1."""
    candidates = [host]
    if sys.platform == "linux" and host == HOST:
        candidates = [f"127.77.{number // 254}.{number % 254 + 1}" for number in random.sample(range(256 * 254), 50)]
    for address in candidates:
        if _is_free(address, CLOUD_SQL_PORT):
            return address
    raise EmulatorError(f"port {CLOUD_SQL_PORT} is taken on {' '.join(candidates[:3])}: stop the process that listens there")
