"""Rounds of faults: a command, a fault while it runs, then the same command again, which must succeed and leave all in order."""

import random
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.cli.exit_code import ExitCode
from tests.pipelines.faults.faults import BEFORE, COMMANDS, FAULTS, Ended
from tests.pipelines.faults.invariants import version_count, violations
from tests.pipelines.faults.names import MODEL
from tests.pipelines.faults.world import World

KILLED = {-9, ExitCode.DONE, ExitCode.FAILED}
ENDS = {"kill": KILLED, "object": {*KILLED, ExitCode.DIFFERS}}
"""The exit codes with which a command may end that a fault befell; of other faults those of success and of an error."""
VERSIONS = {"train": (1, 2), "backfill": (0, 1), "watch": (0, 1, 2)}
"""How many versions a command and its repetition may make; others make none."""


@dataclass(frozen=True)
class Round:
    """One round, as its number and the seed decide it."""

    seed: int
    number: int

    @property
    def chance(self) -> random.Random:
        """Of this round alone, so that it can be repeated without those before it."""
        return random.Random(f"{self.seed} {self.number}")

    def run(self, world: World, fault: str | None = None, command: str | None = None) -> str:
        """Do it, with this fault and this command if they are told. Returns a line that tells what was done.

        Raises:
            AssertionError: something does not hold; the text says in which round of which seed, and what.
        """
        chance = self.chance
        drawn, template = chance.choice(tuple(FAULTS)), chance.choice([words for words in COMMANDS if command in (None, words[0])])
        for before in BEFORE.get(template[0], ()):
            world.once(before)
        fault, words = fault or drawn, _words(template, world)
        if fault == "disk" and words[0] == "serve":  # what it has answered and not yet shipped would go with its disk
            fault = "kill"
        line = f"round {self.number} of seed {self.seed}: `{shlex.join(words)}`"
        versions = version_count(world)
        if words[0] == "watch":
            world.command_line.run("request", MODEL, "--reason", "a fault", "--id", f"{self.seed} {self.number}")
        try:
            ended = FAULTS[fault](world, chance, words)
            line = f"{line}, {fault}: {ended.told}; exit code {ended.exit_code}"
            world.wait_for_the_end_of_all()
            world.mend()
            again = world.repeat(words)
            problems = [*_judge(fault, ended), *_judge_again(again, words, version_count(world) - versions), *violations(world)]
            if words[0] == "apply" and "as declared" not in world.repeat((*words, "--dry-run")).stdout:
                problems.append("Kubeflow's schedules are not as they are declared")
            assert not problems, "\n".join([*problems, "", "what it said at first:", ended.output[-3000:]])
        except AssertionError as error:
            raise AssertionError(f"{line}\n{error}") from error
        return line


def _words(template: tuple[str, ...], world: World) -> tuple[str, ...]:
    request = next(iter(world.answered.read_text().split()), "") if world.answered.exists() else ""
    return tuple(word.format(folder=world.state.parent, today=datetime.now(UTC).date(), request=request) for word in template)


def _judge(fault: str, ended: Ended) -> list[str]:
    """What is wrong with the way in which a command ended."""
    problems = []
    if ended.exit_code not in ENDS.get(fault, {ExitCode.DONE, ExitCode.FAILED}):
        problems.append(f"the exit code is {ended.exit_code}")
    if "Traceback" in ended.output:
        problems.append("it ended with a traceback")
    if ended.exit_code == ExitCode.FAILED and not ended.output.strip():
        problems.append("it did not say why")
    return problems


def _judge_again(done: subprocess.CompletedProcess[str], words: tuple[str, ...], versions: int) -> list[str]:
    """What is wrong with the same command once the fault is mended, and with the number of versions that both have made."""
    problems = []
    if done.returncode != ExitCode.DONE:
        problems.append(f"the same command again ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    if versions not in VERSIONS.get(words[0], (0,)):
        problems.append(f"there are {versions} new versions")
    return problems


def play(world: World, seed: int, seconds: float, tell: Callable[[str], None]) -> int:
    """Rounds of a seed, one after the other, until the time is over. Returns how many there were.

    Raises:
        AssertionError: something does not hold after one of them.
    """
    deadline, number = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        number += 1
        tell(Round(seed, number).run(world))
    return number
