"""Vertex AI Pipelines as one more place for the same pipeline: a PipelineJob, built and held by the types of its own API."""

import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from google.api_core.exceptions import AlreadyExists
from google.cloud.aiplatform_v1.services.pipeline_service import PipelineServiceClient
from google.cloud.aiplatform_v1.services.pipeline_service.transports import PipelineServiceRestTransport
from google.cloud.aiplatform_v1.types import PipelineJob

from components.cloud import Cloud
from components.google import credentials
from components.google_errors import google_errors
from components.settings import PREFIX, Settings
from pipelines.kubeflow.compiling import require_image
from pipelines.kubeflow.placement import setting_variables
from pipelines.kubeflow.submission import run_name
from pipelines.run.launch import compile_pipeline, new_run_id
from pipelines.run.train import TrainingRequest, new_training_launch
from pipelines.training import make_training

CONSOLE = "https://console.cloud.google.com/vertex-ai/pipelines/locations/{location}/runs/{job}?project={project}"


@dataclass(frozen=True)
class VertexRun:
    """A run that was submitted."""

    run: str
    job: str
    """The id of the PipelineJob."""
    address: str


def _pipeline_job(settings: Settings, request: TrainingRequest, *, run_id: str, through: date) -> PipelineJob:
    """The job. Settings are variables of its steps, since there is no ConfigMap; secrets are none: Vertex AI's steps log in by IAM."""
    launch = new_training_launch(request)
    parameters = {"run_id": run_id, "model": request.model.name, "through": through.isoformat(), "launch": launch.to_json()}
    job = PipelineJob(
        display_name=run_name(request.model.name, through, request.reason),
        pipeline_spec=_spec(settings, request),
        runtime_config=PipelineJob.RuntimeConfig(gcs_output_directory=settings.pipeline_root),
        labels={"perennial-model": request.model.name.replace("_", "-"), "perennial-trigger": request.trigger.value},
    )
    job.runtime_config.parameter_values.update(parameters)
    if settings.kubeflow_service_account:
        job.service_account = settings.kubeflow_service_account
    return job


def _spec(settings: Settings, request: TrainingRequest) -> dict[str, Any]:
    resources = request.model.resources

    def place(task: Any) -> Any:
        wanted = resources.of(task.component_spec.name)
        task.set_caching_options(enable_caching=False)
        task.set_cpu_limit(wanted.cpu).set_memory_limit(wanted.memory).set_retry(wanted.retries)
        for name, value in setting_variables(settings).items():
            task.set_env_variable(name, value)
        return task.set_env_variable(f"{PREFIX}STATE_FOLDER", "/tmp/perennial").set_env_variable(f"{PREFIX}IMAGE", str(settings.image))  # noqa: S108

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compile_pipeline(make_training(place), path, image=settings.image)
        spec: dict[str, Any] = yaml.safe_load(path.read_text())
    return spec


def submit_to_vertex(settings: Settings, request: TrainingRequest) -> VertexRun:
    """Submit a training. The job's id is the run's: a submission whose answer is lost, and that is sent again, makes no second one.

    Raises:
        SettingsError: image or pipeline root are not set.
        AccessError: Vertex AI refuses the credentials, or cannot be reached.
    """
    require_image(settings)
    location = settings.vertex_location or settings.cloudsql_instance.split(":")[-2]
    through = request.last_partition(Cloud(settings))
    run_id = new_run_id(request.model.name).lower().replace("_", "-")
    job = _pipeline_job(settings, replace(request, through=through), run_id=run_id, through=through)
    host = settings.vertex_endpoint or f"https://{location}-aiplatform.googleapis.com"
    client = PipelineServiceClient(transport=PipelineServiceRestTransport(host=host, credentials=credentials(settings)))
    parent = f"projects/{settings.project}/locations/{location}"
    remedy = "check PERENNIAL_VERTEX_LOCATION, then run the same command again"
    enable = "enable aiplatform.googleapis.com"
    with google_errors("Vertex AI Pipelines", f"run {run_id}", not_found=enable, remedy=remedy), suppress(AlreadyExists):
        client.create_pipeline_job(parent=parent, pipeline_job=job, pipeline_job_id=run_id)
    return VertexRun(run_id, run_id, CONSOLE.format(location=location, job=run_id, project=settings.project))
