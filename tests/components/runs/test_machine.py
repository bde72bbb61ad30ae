"""What kind of machine this is."""

import platform
from pathlib import Path

import pytest

from components.runs import machine


def test_a_machine_is_told_by_python_library_processor_and_number() -> None:
    kind = machine.machine_kind()
    assert kind.startswith(f"Python {platform.python_version()}, ")
    assert platform.machine() in kind
    assert kind.endswith(" processors")


def test_where_the_kernel_names_no_processor_python_does(monkeypatch: pytest.MonkeyPatch) -> None:
    machine.machine_kind.cache_clear()
    monkeypatch.setattr(machine, "PROCESSORS", Path("/nowhere"))
    assert f"{platform.machine()} {platform.processor()}, " in machine.machine_kind()
    machine.machine_kind.cache_clear()
