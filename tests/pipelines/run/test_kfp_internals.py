"""What we use of kfp.local beyond its public functions is there in the pinned kfp, and takes what we give it."""

import importlib.util
import inspect
import tomllib
from contextlib import nullcontext
from importlib.metadata import version

import pytest
from kfp import dsl, local
from kfp.dsl import component_factory

from components.runs.steps import STEPS
from components.settings import REPOSITORY
from pipelines.reproduction import reproduction
from pipelines.run import fork_server, kfp_internals, task
from pipelines.run.dag import run_group
from pipelines.training import training

GROUP = {"dag_component_spec", "dag_arguments", "fail_stack", "parent_io_store"}


def parameters(function: object) -> set[str]:
    assert callable(function)
    return set(inspect.signature(function).parameters)


def test_the_installed_kfp_is_the_pinned_one() -> None:
    dependencies = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"kfp=={version('kfp')}" in dependencies


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (kfp_internals.execute_task, {"task_name", "task_spec", "io_store", "fail_stack", "pipeline_root", "runner"}),
        (kfp_internals.evaluate_condition, {"condition", "io_store"}),
        (kfp_internals.join_arguments, {"dag_arguments", "dag_inputs_spec"}),
        (kfp_internals.group_outputs, {"dag_outputs_spec", "io_store"}),
        (local.init, {"runner", "pipeline_root", "raise_on_error"}),
    ],
)
def test_a_function_that_we_call_takes_our_arguments(function: object, names: set[str]) -> None:
    assert names <= parameters(function)


def test_a_function_that_we_replace_is_called_as_ours_is_written() -> None:
    run_task, run_dag, indented_print, logger_context = (getattr(module, name) for module, name in kfp_internals.REPLACED)
    assert list(inspect.signature(run_task).parameters) == ["full_command", "env_vars"]
    assert parameters(run_dag) >= GROUP
    assert parameters(run_dag) - GROUP == parameters(kfp_internals.execute_task) - {"task_name", "task_spec", "io_store", "fail_stack"}
    assert parameters(run_group) == {*GROUP, "context"}
    assert len(parameters(indented_print) | parameters(logger_context)) == 1  # both are called without arguments


def test_the_caller_that_kfp_looks_for_is_found_without_the_sources_of_the_frames() -> None:
    sentences = []
    for frames in (nullcontext, kfp_internals.plain_frames):
        with frames(), pytest.raises(ValueError, match="set_cpu_limit") as refusal:

            @dsl.pipeline(name="whole")  # type: ignore[untyped-decorator]
            def whole() -> None:
                reproduction(run_id="run", model="churn", version=1, launch="{}").set_cpu_limit("1")

        sentences.append(str(refusal.value))
    assert sentences[0] == sentences[1]


@pytest.mark.parametrize("pipeline", [training, reproduction], ids=["training", "reproduction"])
def test_the_command_of_every_task_is_understood(pipeline: dsl.pipeline) -> None:
    for name, executor in pipeline.pipeline_spec.deployment_spec["executors"].items():
        container = executor["container"]
        command = kfp_internals.parse_command([*container["command"], *container["args"]])
        assert command.name == name.removeprefix("exec-")
        assert f"def {command.name}(" in command.source
        assert command.arguments == ["--executor_input", "{{$}}", "--function_to_execute", command.name]
        assert command.name in STEPS


@pytest.mark.parametrize("module", sorted({*fork_server.LIGHT, *fork_server.HEAVY}))
def test_a_module_that_the_fork_server_imports_exists(module: str) -> None:
    assert importlib.util.find_spec(module) is not None


def test_the_fork_server_runs_tasks_by_the_module_that_kfp_runs_them_by() -> None:
    assert task.EXECUTOR == component_factory.EXECUTOR_MODULE
