"""Train on Kubeflow: a run is submitted under the id that was claimed, and the looks after it see how it ends."""

from dataclasses import dataclass

from components.cloud import Cloud
from components.runs.record import Trigger
from components.settings import Settings
from pipelines.kubeflow.api import Kubeflow
from pipelines.kubeflow.submission import submit
from pipelines.run.train import TrainingRequest, find_already_trained
from pipelines.watch.watcher import TrainingEnd, TrainingOrder, already_trained


@dataclass(frozen=True)
class KubeflowTrainer:
    """Submits trainings, and knows which of them are under way before the registry does."""

    kubeflow: Kubeflow
    settings: Settings

    def submit(self, order: TrainingOrder) -> TrainingEnd | None:
        """Submit the run of an order, unless the same training was done before; one that was submitted before stays.

        Raises:
            PerennialError: Kubeflow refuses it, or does not answer: the next look submits it.
        """
        known = None if order.force else find_already_trained(Cloud(self.settings), order.model, order.through)
        if known is not None:
            return already_trained(known.version)
        request = TrainingRequest(order.model, order.through, Trigger(order.trigger), order.reason, order.force)
        submit(self.kubeflow, self.settings, request, run_id=order.run_id)
        return None

    def is_under_way(self, run_id: str) -> bool:
        """Whether Kubeflow has a run of that id which has not ended: its first step may still wait for a node."""
        found = self.kubeflow.find_run(None, run_id)
        return found is not None and not found.has_ended

    def is_unheard(self, run_id: str) -> bool:
        """Whether Kubeflow has no run of that id: it is submitted again under it."""
        return self.kubeflow.find_run(None, run_id) is None

    def stop(self, run_id: str, kubeflow_run: str | None) -> None:
        """End a run on Kubeflow, if it is there and goes on.

        Raises:
            PerennialError: Kubeflow refuses it, or does not answer: the next look tries again.
        """
        found = self.kubeflow.find_run(None, run_id) if kubeflow_run is None else None
        kubeflow_run = found.kubeflow_run if found else kubeflow_run
        if kubeflow_run is not None and not self.has_ended(kubeflow_run):
            self.kubeflow.write(f"to stop run {run_id}", self.kubeflow.runs.run_service_terminate_run, kubeflow_run)

    def has_ended(self, kubeflow_run: str) -> bool:
        """Whether a run, by Kubeflow's id, is at its end there, or was deleted.

        Raises:
            PerennialError: Kubeflow does not answer.
        """
        found = self.kubeflow.find_by_id(kubeflow_run)
        return found is None or found.has_ended
