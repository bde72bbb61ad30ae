"""A fixed short run of what `make test-faults` does for as long as one likes."""

from datetime import date
from pathlib import Path
from typing import cast

import pytest

from pipelines.demos.story import Shop, run
from pipelines.local.seed import SCHEMA
from pipelines.run.local import ForkServer
from tests.pipelines.faults.faults import FAULTS
from tests.pipelines.faults.names import MODEL
from tests.pipelines.faults.rounds import Round
from tests.pipelines.faults.world import World, new_world

pytestmark = [pytest.mark.slow, pytest.mark.services, pytest.mark.story]
SEED = 72724
COMMANDS = ("train", "serve", "apply", "predict", "explain", "verify")
"""What each kind of fault befalls."""
LATER = date(1997, 10, 1)


def test_a_fault_of_each_kind_leaves_everything_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with new_world(tmp_path) as world:
        for number, (fault, command) in enumerate(zip(FAULTS, COMMANDS, strict=True), start=1):
            Round(SEED, number).run(world, fault, command)
        for name, value in world.command_line.environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        _tell_a_story(world)
        assert "loaded 1 partitions" in (told := capsys.readouterr().out)
        assert f"{MODEL} 1" in told


def _tell_a_story(world: World) -> None:
    """What a demo does, below the world's odd path."""
    shop = Shop(world.settings, cast("ForkServer", None), MODEL, SCHEMA)
    shop.load(LATER, LATER, lambda _, row: row)
    run("show", MODEL, "1")
