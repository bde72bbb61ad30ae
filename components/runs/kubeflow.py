"""Which run of Kubeflow executes a run, and where people find it there. A run has one execution, however often it was submitted."""

import sqlalchemy as sa

from components.database.statements import execute
from components.errors import DoubledRunError


def record_execution(connection: sa.Connection, run_id: str, kubeflow_run: str, address: str) -> None:
    """Record that a run of Kubeflow executes this run. Recording it again changes nothing.

    Args:
        connection: in the transaction that records the run's start.
        run_id: the run.
        kubeflow_run: Kubeflow's own id.
        address: its page.

    Raises:
        DoubledRunError: another run of Kubeflow executes it, as after a submission whose answer was lost and that was sent again.
    """
    execute(connection, "kubeflow.insert", run_id=run_id, kubeflow_run=kubeflow_run, address=address)
    first = find_execution(connection, run_id)
    if first != kubeflow_run:
        raise DoubledRunError(f"run {run_id} is executed by Kubeflow's run {first} already: this one, {kubeflow_run}, is a double and ends")


def find_execution(connection: sa.Connection, run_id: str) -> str | None:
    """Kubeflow's id of the run that executes a run; None if it is not known."""
    found: str | None = execute(connection, "kubeflow.find", run_id=run_id).scalar()
    return found
