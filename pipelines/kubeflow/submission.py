"""Submit a training: one run of Kubeflow for one run of the registry, whatever is lost on the way."""

import re
import time
from dataclasses import replace
from datetime import date

from kfp_server_api import V2beta1Experiment, V2beta1Run, V2beta1RuntimeConfig

from components.cloud import Cloud
from components.errors import ConflictError
from components.settings import Settings
from pipelines.kubeflow.api import Kubeflow, UnansweredError
from pipelines.kubeflow.compiling import as_json, compile_training, require_image
from pipelines.kubeflow.remote import RemoteRun, remote_run
from pipelines.run.launch import new_run_id
from pipelines.run.train import TrainingRequest, new_training_launch

LONGEST_NAME = 120
SUBMISSIONS = 3
UNHEARD_SECONDS = 2.0
"""How long after a lost answer the run is looked for."""


def submit(kubeflow: Kubeflow, settings: Settings, request: TrainingRequest, *, run_id: str | None = None) -> RemoteRun:
    """Submit a training, or find the run that was submitted under that id before.

    The id is the run's description, which is looked for whenever an answer is lost. Should a submission that nobody heard of arrive after
    all, the step `start` of one of both ends: the registry knows one execution of a run.

    Args:
        kubeflow: the connection.
        settings: with image and pipeline root.
        request: what is to be trained, and why.
        run_id: the run's id in the registry; None makes a new one.

    Raises:
        SettingsError: image or pipeline root are not set.
        PerennialError: Kubeflow refuses it, or does not answer.
    """
    require_image(settings)
    through = request.last_partition(Cloud(settings))
    experiment = ensure_experiment(kubeflow, request.model.name, request.model.title)
    body = _run(kubeflow, settings, request, run_id=run_id or new_run_id(request.model.name), through=through)
    body.experiment_id = experiment
    if run_id and (before := kubeflow.find_run(experiment, run_id)):
        return before
    for _ in range(SUBMISSIONS - 1):
        try:
            return _create(kubeflow, body)
        except UnansweredError:
            time.sleep(UNHEARD_SECONDS)
            if found := kubeflow.find_run(experiment, body.description):
                return found
    return _create(kubeflow, body)


def _create(kubeflow: Kubeflow, body: V2beta1Run) -> RemoteRun:
    what = f"to create run {body.description}"
    return remote_run(kubeflow.write(what, kubeflow.runs.run_service_create_run, body), kubeflow.pages)


def _run(kubeflow: Kubeflow, settings: Settings, request: TrainingRequest, *, run_id: str, through: date) -> V2beta1Run:
    model = request.model
    launch = replace(new_training_launch(request), kubeflow=kubeflow.pages)
    arguments = {"run_id": run_id, "model": model.name, "through": through.isoformat(), "launch": launch.to_json()}
    return V2beta1Run(
        display_name=run_name(model.name, through, request.reason),
        description=run_id,
        pipeline_spec=as_json(compile_training(settings, model)),
        runtime_config=V2beta1RuntimeConfig(parameters=arguments, pipeline_root=settings.pipeline_root),
        service_account=settings.kubeflow_steps_account,
    )


def run_name(model: str, through: date, reason: str) -> str:
    """What people see of a run: model, window and reason, without what any program between here and the UI would replace."""
    text = " ".join(re.sub(r"[{}\[\]$\\\"<>]+", " ", reason).split())
    return f"{model} through {through} · {text}"[:LONGEST_NAME].strip()


def ensure_experiment(kubeflow: Kubeflow, name: str, description: str) -> str:
    """The id of the experiment of that name, which is made if there is none."""
    found = kubeflow.experiment(name)
    if found:
        return found
    body = V2beta1Experiment(display_name=name, description=description)
    try:
        made = kubeflow.write(f"to create experiment {name}", kubeflow.experiments.experiment_service_create_experiment, body)
    except (ConflictError, UnansweredError):  # somebody was faster, perhaps this call itself
        found = kubeflow.experiment(name)
        if found is None:
            raise
        return found
    return str(made.experiment_id)
