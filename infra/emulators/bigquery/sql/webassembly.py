"""ZetaSQL as WebAssembly: compiled once for this machine, kept beside the locked environment, called with protocol buffers.

The package zetasql compiles at every start, which takes half a minute of a processor, and copies byte by byte in Python.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import tzdata
import wasmtime
from google.protobuf.message import Message
from zetasql.wasi import get_wasm_path

FOLDER = Path(sys.prefix) / "zetasql"
"""In the environment: what is compiled there fits its versions, and goes with it."""
SIZE_BYTES = 4
"""Of a size_t in WebAssembly."""
ZONES = "/usr/share/zoneinfo"

Response = TypeVar("Response", bound=Message)


class Refusal(Exception):
    """What ZetaSQL answers instead of a response: it begins with `Code: 3, Message: `."""


def compiled() -> Path | None:
    """The compiled module, made now if it is not there yet; None if the environment cannot be written to.

    Two processes do not compile at the same time.
    """
    path = FOLDER / f"{_fingerprint()}.cwasm"
    if path.exists():
        return path
    try:
        FOLDER.mkdir(exist_ok=True)
        with (FOLDER / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                sys.stderr.write("bigquery: compiling its SQL analyzer, once; this takes half a minute\n")
                _write(path, bytes(wasmtime.Module.from_file(_engine(), str(get_wasm_path())).serialize()))
    except OSError:
        return None
    return path


def _fingerprint() -> str:
    """Changes with whatever decides what is compiled: both packages and the processor."""
    told = [version("zetasql"), version("wasmtime"), os.uname().sysname, os.uname().machine, _processor()]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]


def _processor() -> str:
    """The processor's features, since compiled code uses those of the machine that compiled it."""
    with contextlib.suppress(OSError):
        return next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("flags", "Features"))), "")
    return ""


def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.shared_memory = True  # the module asks for it
    return wasmtime.Engine(config)


def _write(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def _load(engine: wasmtime.Engine) -> wasmtime.Module:
    path = compiled()
    return wasmtime.Module.deserialize_file(engine, str(path)) if path else wasmtime.Module.from_file(engine, str(get_wasm_path()))


class Machine:
    """One instance of the module. It has a memory of its own, and one caller at a time."""

    def __init__(self) -> None:
        engine = _engine()
        module = _load(engine)
        self._store = wasmtime.Store(engine)
        self._store.set_wasi(_system())
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        self._call("_initialize")

    def ask(self, method: str, request: Message, response: type[Response]) -> Response:
        """Call a method of ZetaSqlLocalService.

        Raises:
            Refusal: ZetaSQL refuses the request.
            wasmtime.WasmtimeError: the instance broke down, and is of no further use.
        """
        content = request.SerializeToString()
        sent, size = self._call("wasm_malloc", max(len(content), 1)), self._call("wasm_malloc", SIZE_BYTES)
        ctypes.memmove(self._address(sent), content, len(content))
        received = self._call(f"ZetaSqlLocalService_{method}", sent, len(content), size)
        try:
            if not received:
                raise Refusal(self._last_error())
            length = int.from_bytes(ctypes.string_at(self._address(size), SIZE_BYTES), "little")
            return response.FromString(ctypes.string_at(self._address(received), length))
        finally:
            for pointer in (sent, size, received):
                self._call("wasm_free", pointer)

    def _last_error(self) -> str:
        length = self._call("wasm_get_last_error_size")
        return ctypes.string_at(self._address(self._call("wasm_get_last_error")), length).decode(errors="replace")

    def _call(self, name: str, *arguments: int) -> int:
        function = self._exports[name]
        assert isinstance(function, wasmtime.Func)
        return int(function(self._store, *arguments) or 0)

    def _address(self, pointer: int) -> int:
        """Where a pointer of the module points to in our own memory. The memory never moves, being shared."""
        memory = self._exports["memory"]
        assert isinstance(memory, wasmtime.SharedMemory)
        return ctypes.addressof(memory.data_ptr().contents) + pointer


def _system() -> wasmtime.WasiConfig:
    """All that the module sees of this machine: time zones."""
    system = wasmtime.WasiConfig()
    system.preopen_dir(str(Path(tzdata.__file__).parent / "zoneinfo"), ZONES)
    return system


if __name__ == "__main__":
    compiled()
