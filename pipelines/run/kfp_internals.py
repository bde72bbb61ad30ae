"""Everything that we use of kfp beyond its public functions. kfp is pinned, and a test fails when one of these names is gone.

kfp.local has no way to plug in a runner or an orchestrator (docs/decisions/0004), so two of its functions are replaced for the length of a
run. Two more are replaced since they change the process's `print` and root logger, and with tasks side by side do not put them back.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from kfp.dsl import pipeline_task
from kfp.local import logging_utils, subprocess_task_handler
from kfp.local.io import IOStore
from kfp.local.orchestrator import enhanced_dag_orchestrator
from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils
from kfp.local.status import Status

__all__ = ["IOStore", "Status"]

execute_task = enhanced_dag_orchestrator.execute_task
evaluate_condition = enhanced_dag_orchestrator.ConditionEvaluator.evaluate_condition
join_arguments = OrchestratorUtils.join_user_inputs_and_defaults
group_outputs = OrchestratorUtils.get_dag_outputs

Result = tuple[dict[str, Any], Status]
RunTask = Callable[[list[str], Mapping[str, str] | None], int]
"""Runs a command with additional variables. Returns its exit code."""

REPLACED = (
    (subprocess_task_handler, "run_local_subprocess"),
    (enhanced_dag_orchestrator, "run_enhanced_dag"),
    (logging_utils, "indented_print"),
    (logging_utils, "local_logger_context"),
)

_SOURCE_FOLLOWS = '"$program_path/ephemeral_component.py"'
"""Is in the word of a task's command that the component's source comes after."""


@dataclass(frozen=True)
class TaskCommand:
    """The command with which kfp.local would start a task, taken apart."""

    name: str
    """The name of the component's function."""
    source: str
    """The Python text of the component."""
    arguments: list[str]
    """The arguments of kfp.dsl.executor_main, but for the path of the source."""

    @property
    def output_file(self) -> Path:
        """The file that kfp writes when the component's function has returned, and only then."""
        executor_input = json.loads(self.arguments[self.arguments.index("--executor_input") + 1])
        return Path(executor_input["outputs"]["outputFile"])


def parse_command(command: list[str]) -> TaskCommand:
    """Take a task's command apart.

    Raises:
        StopIteration, ValueError: it is not as the pinned kfp writes it.
    """
    position = next(index for index, word in enumerate(command) if _SOURCE_FOLLOWS in word)
    name = command[command.index("--function_to_execute") + 1]
    return TaskCommand(name, command[position + 1], command[position + 2 :])


@contextmanager
def plain_frames() -> Iterator[None]:
    """Let kfp find who called it without reading the sources of every frame below, as it does for each setting of a task: a second and a
    half for a placed pipeline."""
    with mock.patch.object(pipeline_task, "inspect", SimpleNamespace(stack=lambda: inspect.stack(0)[1:])):
        yield


@contextmanager
def replaced(run_task: RunTask, run_group: Callable[..., Result]) -> Iterator[None]:
    """Let `run_task` start every task and `run_group` order the tasks of every group, as long as the block lasts."""
    replacements = (run_task, run_group, nullcontext, nullcontext)
    with ExitStack() as stack:
        for (module, name), replacement in zip(REPLACED, replacements, strict=True):
            stack.enter_context(mock.patch.object(module, name, replacement))
        yield
