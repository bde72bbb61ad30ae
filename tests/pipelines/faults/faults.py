"""The faults: a kill, a service in a black hole, a disk without room, bytes that somebody changed. Each is drawn from a seed."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from components.google import storage_client
from pipelines.local import emulators
from tests.pipelines.faults.names import MODEL, TARGET
from tests.pipelines.faults.world import KUBEFLOW, SERVICES, World
from tests.pipelines.small_disk import SmallDisk

STEPS = (
    "start",
    "schema",
    "pin",
    "inspect",
    "read",
    "statistics",
    "validate",
    "transform",
    "train",
    "evaluate",
    "push",
    "record",
    "finish",
)
SERVE = ("serve", "--target", TARGET, "--port", "0")
COMMANDS = (
    ("train", MODEL, "--force"),
    ("train", MODEL, "--force"),
    ("train", MODEL, "--force"),
    ("reproduce", MODEL, "1"),
    ("deploy", MODEL, "1", "--target", TARGET, "--reason", "a fault"),
    ("compare", MODEL, "1"),
    ("verify", MODEL),
    ("rollback", MODEL, "--target", TARGET, "--to", "1", "--reason", "a fault"),
    ("restore", MODEL, "1"),
    ("gc",),
    ("backfill", MODEL, "--from", "1997-08-31", "--to", "1997-08-31"),
    ("snapshot", "expire", MODEL),
    ("watch", "--once", MODEL),
    ("migrate",),
    SERVE,
    ("apply", "--file", "{folder}/schedules.toml"),
    ("monitor", MODEL, "--through", "{today}"),
    ("predict", MODEL, "{folder}/customers.jsonl", "--version", "1", "--output", "{folder}/scores.jsonl"),
    ("explain", MODEL, "{request}"),
    ("staleness", MODEL),
)
BEFORE = {
    "monitor": (SERVE,),
    "explain": (SERVE,),
    "staleness": (("train", MODEL, "--through", "1997-07-13"), ("train", MODEL, "--through", "1997-08-10")),
}
"""What has to be done once before a command has something to do."""
LONGEST_SECONDS = 300.0
"""No command takes longer, whatever happens to it."""
SIZES = ("32k", "256k", "1m", "3m")


@dataclass(frozen=True)
class Ended:
    """How a command ended that a fault befell."""

    told: str
    """What was done to it, for whoever reads the report."""
    exit_code: int
    """Negative if it was killed."""
    output: str


def kill_process(world: World, chance: random.Random, words: tuple[str, ...]) -> Ended:
    """Kill the command, or a process that it has started."""
    process = world.start(words)
    moment = _wait_for_a_moment(world, chance, process, words)
    victims = sorted(world.processes(), key=lambda victim: victim.pid)
    what = "the command"
    try:
        victim = chance.choice(victims) if victims and chance.random() < 0.6 else psutil.Process(process.pid)
        what = "the command" if victim.pid == process.pid else "a process of it"
        victim.kill()
    except psutil.NoSuchProcess:
        what = "nothing, since it had ended"
    return _end(f"killed {what} {moment}", process)


def kill_service(world: World, chance: random.Random, words: tuple[str, ...]) -> Ended:
    """Kill an emulator, or the postmaster behind the one of Cloud SQL, which is started again by itself."""
    process = world.start(words)
    moment = _wait_for_a_moment(world, chance, process, words)
    if chance.random() < 0.4:
        name, pid = "the postmaster", int((world.state / "emulators/cloud_sql/postgres/postmaster.pid").read_text().split()[0])
    else:
        part = chance.choice(emulators.status(world.state))
        assert part.pid is not None
        name, pid = part.name, part.pid
    os.kill(pid, signal.SIGKILL)
    return _end(f"killed {name} {moment}", process)


def hang_service(world: World, chance: random.Random, words: tuple[str, ...]) -> Ended:
    """Turn a service into a black hole."""
    service = KUBEFLOW if words[0] == "apply" else chance.choice(SERVICES)
    process = world.start(words)
    moment = _wait_for_a_moment(world, chance, process, words)
    world.proxies[service].silent.set()
    return _end(f"let {service} fall silent {moment}", process)


def fill_disk(world: World, chance: random.Random, words: tuple[str, ...]) -> Ended:
    """Give the command a disk that is too small for it, or just large enough."""
    size = chance.choice(SIZES)
    with TemporaryDirectory(prefix="d") as folder:
        done = SmallDisk(world.hasty, size, Path(folder)).run(*words)
    return Ended(f"a disk of {size}", done.returncode, done.stdout + done.stderr)


def change_cache(world: World, chance: random.Random, words: tuple[str, ...]) -> Ended:
    """Change a file that was kept since making it takes long."""
    files = sorted(path for path in (world.state / "cache").rglob("*") if path.is_file())
    told = "found no file in the cache"
    if files:
        file = chance.choice(files)
        change = chance.choice(tuple(CHANGES))
        CHANGES[change](file, chance)
        told = f"{change}: {file.relative_to(world.state)}"
    return _end(told, world.start(words))


def change_object(world: World, chance: random.Random, words: tuple[str, ...]) -> Ended:
    """Replace or delete an object of the first version. `verify` must see it and `restore` mend it, whatever the command did."""
    client = storage_client(world.settings)
    places = (f"content/{MODEL}/", f"models/{MODEL}/1/")
    blobs = sorted(client.list_blobs(world.settings.bucket, prefix=chance.choice(places)), key=lambda blob: blob.name)
    blob = chance.choice(blobs)
    change = chance.choice(("deleted", "replaced", "truncated"))
    if change == "deleted":
        blob.delete()
    else:
        blob.upload_from_string(blob.download_as_bytes()[: blob.size // 2] if change == "truncated" else b"other bytes")
    ended = _end(f"{change} gs://{world.settings.bucket}/{blob.name}", world.start(words))
    for number in {version["version"] for version in world.command_line.json("versions", MODEL)}:
        world.command_line.json("restore", MODEL, str(number))
    return ended


FAULTS: dict[str, Callable[[World, random.Random, tuple[str, ...]], Ended]] = {
    "kill": kill_process,
    "kill a service": kill_service,
    "hang": hang_service,
    "disk": fill_disk,
    "cache": change_cache,
    "object": change_object,
}


def _flip(file: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def _truncate(file: Path, chance: random.Random) -> None:
    os.truncate(file, chance.randrange(file.stat().st_size + 1))


def _swap(file: Path, chance: random.Random) -> None:
    others = sorted(path for path in file.parent.rglob("*") if path.is_file() and path != file)
    if others:
        shutil.copyfile(chance.choice(others), file)


CHANGES: dict[str, Callable[[Path, random.Random], None]] = {
    "one bit flipped": _flip,
    "truncated": _truncate,
    "emptied": lambda file, _: os.truncate(file, 0),
    "another file copied over it": _swap,
    "deleted": lambda file, _: file.unlink(),
}


def _wait_for_a_moment(world: World, chance: random.Random, process: subprocess.Popen[str], words: tuple[str, ...]) -> str:
    """Wait until a step has begun, and a little longer; where there are no steps, some seconds. Tells which moment it is."""
    if words[0] not in ("train", "backfill", "watch"):
        pause = chance.uniform(0.0, 8.0)
        _sleep(process, pause)
        return f"after {pause:.1f} s"
    step, pause = chance.choice(STEPS), chance.choice((0.0, chance.uniform(0.0, 1.5)))
    before = set(world.state.glob(f"runs/*/logs/{step}.log"))
    while process.poll() is None and not set(world.state.glob(f"runs/*/logs/{step}.log")) - before:
        time.sleep(0.005)
    _sleep(process, pause)
    return f"{pause:.1f} s after the beginning of {step}"


def _sleep(process: subprocess.Popen[str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def _end(told: str, process: subprocess.Popen[str]) -> Ended:
    try:
        out, err = process.communicate(timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"{told}: the command did not end within {LONGEST_SECONDS:.0f} s") from None
    return Ended(told, process.returncode, out + err)
