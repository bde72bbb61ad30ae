"""A run that starts here and now, as it is to be recorded."""

from collections.abc import Mapping

from components.runs.outcome import Step
from components.runs.provenance import Launch, environment_digest, package_versions, pipeline_version
from components.runs.record import Run, Trigger
from components.runs.steps import PipelineName
from components.settings import Settings


def new_training_run(step: Step, known: Launch, *, through: str) -> Run:
    """A run of the training pipeline that starts here and now."""
    model = step.model.name
    parameters: dict[str, object] = {"model": model, "through": through, "beam_args": list(step.settings.beam_args)}
    if known.waive_gate:
        parameters["waive_gate"] = True
    return new_run(step.settings, step.run_id, model, known, pipeline_name=PipelineName.TRAINING, parameters=parameters)


def new_run(settings: Settings, run_id: str, model: str, known: Launch, *, pipeline_name: str, parameters: Mapping[str, object]) -> Run:
    """A run that starts here and now."""
    return Run(
        run_id=run_id,
        model=model,
        pipeline_name=pipeline_name,
        pipeline_version=pipeline_version(),
        pipeline_sha256=known.pipeline_sha256,
        parameters=parameters,
        trigger=Trigger(known.trigger),
        reason=known.reason,
        environment_digest=environment_digest(),
        package_versions=package_versions(),
        host=known.host,
        git_commit=known.git_commit,
        git_dirty=known.git_dirty,
        image_digest=image_digest(settings),
        service_account=settings.database_user,
    )


def image_digest(settings: Settings) -> str | None:
    """The digest of the image of the steps; None outside of one, or where it is named by a tag."""
    return settings.image.partition("@")[2] or None if settings.image else None
