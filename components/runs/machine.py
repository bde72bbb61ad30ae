"""The kind of machine that trains: what the last bits of weights depend on besides data, code and uv.lock."""

import os
import platform
from functools import cache
from pathlib import Path

PROCESSORS = Path("/proc/cpuinfo")
MACHINE = "machine"
"""The name under which the metadata of what was trained keep the machine."""


@cache
def machine_kind() -> str:
    """Python, C library, processor and their number: `Python 3.13.9, glibc 2.41, x86_64 Intel(R) Xeon(R) Processor, 2 processors`."""
    library = " ".join(platform.libc_ver()).strip() or platform.platform()
    return f"Python {platform.python_version()}, {library}, {platform.machine()} {_processor()}, {os.cpu_count()} processors"


def _processor() -> str:
    lines = PROCESSORS.read_text().splitlines() if PROCESSORS.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
