"""The process of one task: it runs a component's function as KFP does, and ends when whoever watches over it does."""

import contextlib
import ctypes
import json
import os
import runpy
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from components.files import NO_ROOM_CODE, OTHERS, disk_full

EXECUTOR = "kfp.dsl.executor_main"
"""The module of kfp that runs a component's function."""
PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""


def main() -> NoReturn:
    """Run the task that the standard input describes, for whoever started this process."""
    end_with(os.getppid())
    request = json.load(sys.stdin)
    run_task(request["code"], request["arguments"])


def end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, even if that is killed and can do nothing more. Linux only."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(1)


def run_task(code: str, arguments: Sequence[str]) -> NoReturn:
    """Do what `python -m kfp.dsl.executor_main` would do. Exit without TensorFlow's teardown, which takes a second or two."""
    exit_code = 1
    os.umask(OTHERS)
    try:
        with tempfile.TemporaryDirectory(prefix="") as folder:  # a short name: paths of sockets are bounded
            tempfile.tempdir = folder  # what libraries leave to their exit handlers, which never run here, goes with it
            module = Path(folder) / "ephemeral_component.py"
            module.write_text(code)
            sys.argv = ["executor_main", "--component_module_path", str(module), *arguments]
            runpy.run_module(EXECUTOR, run_name="__main__")
        exit_code = 0
    except SystemExit as stop:
        exit_code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException as error:  # the last frame of a process: report whatever it is
        exit_code = exit_code if disk_full(error) is None else NO_ROOM_CODE
        with contextlib.suppress(OSError):  # the log has no room either
            traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(exit_code)


if __name__ == "__main__":
    main()
