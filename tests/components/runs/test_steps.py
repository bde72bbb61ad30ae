"""The table of the steps: that of the compiled pipelines, of the rooms, and of what imports TFX."""

import ast
import importlib
import subprocess
import sys

import pytest
from kfp import dsl

from components.runs.record import pipeline_tasks
from components.runs.steps import STEPS, Duty, PipelineName
from components.settings import REPOSITORY
from pipelines.monitoring import monitoring
from pipelines.reproduction import reproduction
from pipelines.training import make_scheduled_training, training

PIPELINES = {"training": training, "scheduled": make_scheduled_training(), "reproduction": reproduction, "monitoring": monitoring}


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_the_steps_of_a_pipeline_are_those_that_it_is_compiled_to(pipeline: dsl.pipeline) -> None:
    executors = {name.removeprefix("exec-") for name in pipeline.pipeline_spec.deployment_spec["executors"]}
    assert executors == {name for name, facts in STEPS.items() if pipeline.pipeline_spec.pipeline_info.name in facts.pipelines}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_in_its_room(name: str) -> None:
    component = getattr(importlib.import_module(f"components.{STEPS[name].room}.component"), name)
    assert component.component_spec.name == name


def test_a_step_that_needs_no_tfx_imports_none() -> None:
    imports = "\n".join(body_imports(name) for name, facts in STEPS.items() if not facts.needs_tfx)
    program = f"{imports}\nimport sys\nprint(*(name for name in ('tfx', 'tensorflow', 'apache_beam') if name in sys.modules))"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=True).stdout
    assert printed.split() == []


def test_the_tasks_of_a_reproduction_are_its_steps_without_the_first_and_the_last() -> None:
    tasks = pipeline_tasks(PipelineName.REPRODUCTION)
    assert [task.task_name for task in tasks] == ["recall", "read", "schema", "transform", "train", "measure", "compare"]
    versions = {task.task_name: task.component_version for task in tasks}
    assert versions["recall"] == versions["compare"] != versions["train"] == versions["transform"]


def test_each_pipeline_begins_and_ends_with_one_step() -> None:
    for pipeline in PipelineName:
        duties = [facts.duty for facts in STEPS.values() if pipeline in facts.pipelines]
        assert (duties[0], duties[-1], duties.count(Duty.BEGIN), duties.count(Duty.END)) == (Duty.BEGIN, Duty.END, 1, 1)


def body_imports(name: str) -> str:
    """The imports of the body of a step's component."""
    tree = ast.parse((REPOSITORY / "components" / STEPS[name].room / "component.py").read_text())
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    return "\n".join(ast.unparse(node) for node in function.body if isinstance(node, ast.ImportFrom))
