"""A fixed short run of what `make test-faults` does for as long as one likes."""

from pathlib import Path

import pytest

from tests.pipelines.faults.faults import FAULTS
from tests.pipelines.faults.rounds import Round
from tests.pipelines.faults.world import new_world

pytestmark = [pytest.mark.slow, pytest.mark.services, pytest.mark.story]
SEED = 72724
"""Of the commands that it draws for the six kinds one trains; the others serve, apply, migrate, deploy and verify."""


def test_a_fault_of_each_kind_leaves_everything_in_order(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        for number, fault in enumerate(FAULTS, start=1):
            Round(SEED, number).run(world, fault)
