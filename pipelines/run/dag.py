"""Run the tasks of a compiled pipeline side by side where they do not depend on each other; kfp.local runs one after the other.

It takes the place of kfp.local's `run_enhanced_dag`, for what our pipelines use: nested groups, conditions, and one exit handler.
"""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from pipelines.run.kfp_internals import IOStore, Result, Status, evaluate_condition, execute_task, group_outputs, join_arguments


def run_group(
    *,
    dag_component_spec: Any,
    dag_arguments: dict[str, Any],
    fail_stack: list[str],
    parent_io_store: IOStore | None = None,
    **context: Any,
) -> Result:
    """Run one group of tasks, as kfp.local calls it. `context` is what every task is given unchanged."""
    store = IOStore(parent=parent_io_store)
    arguments = join_arguments(dag_arguments=dag_arguments, dag_inputs_spec=dag_component_spec.input_definitions)
    for name, value in arguments.items():
        store.put_parent_input(name, value)
    group = TaskGroup(dict(dag_component_spec.dag.tasks), store, fail_stack, context)
    failed = group.run_body()
    failed |= group.run_exit_tasks()
    if failed:
        return {}, Status.FAILURE
    outputs = group_outputs(dag_outputs_spec=dag_component_spec.dag.outputs, io_store=store)
    return outputs, Status.SUCCESS


@dataclass
class TaskGroup:
    """The tasks of one group, and which of them are done or failed."""

    tasks: dict[str, Any]
    store: IOStore
    fail_stack: list[str]
    context: dict[str, Any]
    done: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def run_body(self) -> bool:
        """Run every task but the exit handler. Returns whether one failed."""
        pending = {name for name in self.tasks if not self._is_exit(name)}
        running: dict[Future[Result], str] = {}
        with ThreadPoolExecutor() as pool:
            while pending or running:
                for name in list(self._ready(pending)):
                    pending.remove(name)
                    running[pool.submit(self._execute, name)] = name
                if not running:
                    continue  # what was pending was skipped: its upstream failed, or its condition does not hold
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    self._settle(running.pop(future), future.result())
        return bool(self.failed)

    def run_exit_tasks(self) -> bool:
        """Run the exit handler, however the other tasks ended. Returns whether it failed."""
        exits = [name for name in self.tasks if self._is_exit(name)]
        for name in exits:
            self._settle(name, self._execute(name))
        return any(name in self.failed for name in exits)

    def _is_exit(self, name: str) -> bool:
        return any(parameter.HasField("task_final_status") for parameter in self.tasks[name].inputs.parameters.values())

    def _ready(self, pending: set[str]) -> Iterator[str]:
        """Tasks whose upstream is done. Those whose upstream failed, or whose condition does not hold, leave `pending` here."""
        for name in sorted(pending):
            task = self.tasks[name]
            upstream = set(task.dependent_tasks)
            if upstream & self.failed:
                pending.remove(name)
                self._fail(name)
            elif upstream <= self.done:
                condition = task.trigger_policy.condition
                if condition and not evaluate_condition(condition, self.store):
                    pending.remove(name)
                    self.done.add(name)
                else:
                    yield name

    def _execute(self, name: str) -> Result:
        result: Result = execute_task(
            task_name=name, task_spec=self.tasks[name], io_store=self.store, fail_stack=self.fail_stack, **self.context
        )
        return result

    def _settle(self, name: str, result: Result) -> None:
        outputs, state = result
        if state == Status.FAILURE:
            self.fail_stack.append(name)
            self._fail(name)
            return
        for key, value in outputs.items():
            self.store.put_task_output(name, key, value)
        self.store.put_task_status(name, "SUCCEEDED")
        self.done.add(name)

    def _fail(self, name: str) -> None:
        self.failed.add(name)
        self.store.put_task_status(name, "FAILED")
