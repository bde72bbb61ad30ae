"""A version in Vertex AI Model Registry: a model version that points to the published bytes, and an evaluation with its slices.

What is there is found by its labels, so that an export that was interrupted is completed by the next one.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api_core.exceptions import BadRequest, Conflict, NotFound

from components.canonical import fingerprint
from components.errors import RegistryError, SettingsError
from components.evaluation.metric import Metric
from components.export.exported_version import Exported
from components.google_errors import google_errors, said
from components.registry.evaluations import Evaluation
from components.settings import Settings

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
    from google.cloud.aiplatform_v1.types import Model, ModelEvaluationSlice

SCHEMAS = "gs://google-cloud-aiplatform/schema/modelevaluation"
ERRORS = {"root_mean_squared_error": "rootMeanSquaredError", "mean_absolute_error": "meanAbsoluteError"}
"""Vertex AI's names of a regression's metrics. Its rSquared is a squared correlation, which ours is not."""
UPLOAD_SECONDS = 1800.0
SLICES_AT_ONCE = 50
LONGEST_LABEL = 63
THRESHOLD = 0.5
"""The threshold of the score for precision and recall."""
IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]{1,511}")
LOCATION = re.compile(r"[a-z]+(-[a-z]+)*[0-9]{1,2}")


@dataclass(frozen=True)
class InVertex:
    """The version in Vertex AI Model Registry."""

    name: str
    """projects/PROJECT/locations/LOCATION/models/MODEL@VERSION; Vertex AI counts on its own."""
    evaluation: str | None
    made: bool
    """Whether this export made it; else it found it."""


def vertex_location(settings: Settings, given: str | None) -> str:
    """Where the models are registered: as asked for, else as the settings say, else where Cloud SQL is.

    Raises:
        SettingsError: it is no region.
    """
    location = given or settings.vertex_location or settings.cloudsql_instance.rsplit(":", 2)[-2]
    if not LOCATION.fullmatch(location):
        raise SettingsError(f"{location[:100]!r} is no region of Google Cloud: give --location, such as europe-west1")
    return location


def export_to_vertex(
    client: "ModelServiceClient", settings: Settings, exported: Exported, *, location: str, name: str, source: str, image: str | None
) -> InVertex:
    """Upload the version as one of the model `name`, or find it. To be called by one exporter at a time.

    Args:
        client: of Vertex AI in `location`.
        settings: name the project and this registry.
        exported: the version.
        location: a region.
        name: the model's id there.
        source: gs:// URI of the published folder.
        image: the container that serves it; None means the settings' one.

    Raises:
        SettingsError: a version is to be uploaded, and there is no image to serve it.
        RegistryError: there is a model of this name, or this version of it, that is not this registry's; or a value is refused.
        AccessError: Vertex AI does not answer, or refuses the credentials.
    """
    with _vertex_errors(f"{settings.project} in {location}"):
        parent = f"projects/{settings.project}/locations/{location}"
        versions = _versions(client, f"{parent}/models/{name}")
        found = _own_version(name, versions, _labels(settings, exported))
        if found:
            version = f"{parent}/models/{name}@{found.version_id}"
        else:
            model = _model(settings, exported, name, source=source, image=image or settings.vertex_serving_image)
            version = _upload(client, parent, name, model, first=not versions)
        evaluation = exported.story.own_evaluation
        return InVertex(version, _evaluate(client, version, evaluation) if evaluation else None, made=found is None)


def _labels(settings: Settings, exported: Exported) -> dict[str, str]:
    """The labels by which a version is found again. A label has no room for an address or a whole SHA-256."""
    story = exported.story
    registry = fingerprint([settings.cloudsql_instance, settings.database, exported.model.name])
    found = {
        "perennial_registry": registry,
        "perennial_version": str(story.number),
        "perennial_content": story.manifest.sha256,
        "perennial_snapshot": story.snapshot.snapshot_id,
        "perennial_commit": story.run.run.git_commit or "none",
    }
    return {label: value[:LONGEST_LABEL] for label, value in found.items()}


def _versions(client: "ModelServiceClient", name: str) -> list["Model"]:
    try:
        return list(client.list_model_versions(name=name))
    except NotFound:
        return []


def _own_version(name: str, versions: list["Model"], wanted: Mapping[str, str]) -> "Model | None":
    ours = [version for version in versions if version.labels.get("perennial_registry") == wanted["perennial_registry"]]
    if versions and not ours:
        raise RegistryError(f"Vertex AI has a model {name!r} that is not this registry's: give another name with --name")
    for version in ours:
        if version.labels.get("perennial_version") != wanted["perennial_version"]:
            continue
        if version.labels.get("perennial_content") != wanted["perennial_content"]:
            raise RegistryError(
                f"Vertex AI has version {wanted['perennial_version']} of {name!r} with other bytes: the registry was made anew since; "
                f"delete {name}@{version.version_id} there, or give another name with --name"
            )
        return version
    return None


def _model(settings: Settings, exported: Exported, name: str, *, source: str, image: str | None) -> "Model":
    from google.cloud.aiplatform_v1.types import Model, ModelContainerSpec

    if image is None or not IMAGE.fullmatch(image):
        given = "no container image" if image is None else f"{image[:200]!r}, which is no container image,"
        raise SettingsError(f"Vertex AI was given {given} to serve the version: give --serving-image, or PERENNIAL_VERTEX_SERVING_IMAGE")
    story, run = exported.story, exported.story.run.run
    return Model(
        display_name=name,
        description=exported.model.title,
        version_description=f"Version {story.number} of {story.model} in Perennial, made by run {run.run_id}",
        version_aliases=[f"perennial-v{story.number}"],
        artifact_uri=source,
        container_spec=ModelContainerSpec(image_uri=image),
        labels=_labels(settings, exported),
    )


def _upload(client: "ModelServiceClient", parent: str, name: str, model: "Model", *, first: bool) -> str:
    """Upload a version: the first one makes the model, the others name it."""
    from google.cloud.aiplatform_v1.types import UploadModelRequest

    request = UploadModelRequest(parent=parent, model=model)
    if first:
        request.model_id = name
    else:
        request.parent_model = f"{parent}/models/{name}"
    made = client.upload_model(request=request).result(timeout=UPLOAD_SECONDS)
    return f"{parent}/models/{name}@{made.model_version_id}"


def _evaluate(client: "ModelServiceClient", version: str, evaluation: Evaluation) -> str:
    """The evaluation of the run that made the version; what is there of it is kept."""
    from google.cloud.aiplatform_v1.types import ModelEvaluation

    title = f"perennial {evaluation.run_id}"
    there = [str(found.name) for found in client.list_model_evaluations(parent=version) if found.display_name == title]
    if there:
        name = there[0]
    else:
        overall = [metric for metric in evaluation.metrics if not metric.slice]
        facts = {"snapshot": evaluation.snapshot_id, "run": evaluation.run_id, "metrics": _finite(overall)}
        new = ModelEvaluation(display_name=title, metrics_schema_uri=_schema(overall), metrics=_values(overall), metadata=facts)
        name = str(client.import_model_evaluation(parent=version, model_evaluation=new).name)
    wanted = _slices(evaluation)
    for start in range(len(list(client.list_model_evaluation_slices(parent=name))), len(wanted), SLICES_AT_ONCE):
        some = wanted[start : start + SLICES_AT_ONCE]
        client.batch_import_model_evaluation_slices(parent=name, model_evaluation_slices=some)
    return name


def _slices(evaluation: Evaluation) -> list["ModelEvaluationSlice"]:
    """The slices that have a metric which Vertex AI knows, always in the same order."""
    from google.cloud.aiplatform_v1.types import ModelEvaluationSlice

    kind = ModelEvaluationSlice.Slice
    by_slice: dict[tuple[tuple[str, str], ...], list[Metric]] = {}
    for metric in evaluation.metrics:
        by_slice.setdefault(tuple(sorted(metric.slice.items())), []).append(metric)
    found = []
    for pairs, metrics in sorted(by_slice.items()):
        if pairs and (known := _values(metrics)):
            configs = {feature: kind.SliceSpec.SliceConfig(value=kind.SliceSpec.Value(string_value=value)) for feature, value in pairs}
            part = kind(dimension="slice", slice_spec=kind.SliceSpec(configs=configs))
            found.append(ModelEvaluationSlice(slice_=part, metrics_schema_uri=_schema(metrics), metrics=known))
    return found


def _schema(metrics: list[Metric]) -> str:
    """Which metrics these are, as Vertex AI tells them apart."""
    is_regression = any(metric.name in ERRORS for metric in metrics)
    return f"{SCHEMAS}/{'regression' if is_regression else 'classification'}_metrics_1.0.0.yaml"


def _values(metrics: list[Metric]) -> dict[str, object]:
    """The metrics by Vertex AI's names. Of several classes it knows but the mean F1; its area under the curve is another mean than ours."""
    ours = _finite(metrics)
    points: list[dict[str, float]] = []
    at_threshold = {name: value for name, value in ours.items() if name in ("precision", "recall")}
    if at_threshold:
        points.append({"confidenceThreshold": THRESHOLD, **at_threshold})
    if "macro_f1" in ours:
        points.append({"f1ScoreMacro": ours["macro_f1"]})
    found: dict[str, object] = {theirs: ours[name] for name, theirs in ({"auc": "auRoc"} | ERRORS).items() if name in ours}
    return {**found, "confidenceMetrics": points} if points else found


def _finite(metrics: list[Metric]) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics if math.isfinite(metric.value)}


@contextmanager
def _vertex_errors(where: str) -> Iterator[None]:
    """Turn what Vertex AI refuses into errors of ours."""
    not_found, remedy = "correct --location or PERENNIAL_PROJECT", "try again later, or correct --location"
    with google_errors("Vertex AI", where, not_found=not_found, remedy=remedy, grant="grant roles/aiplatform.user"):
        try:
            yield
        except (BadRequest, Conflict) as error:
            raise RegistryError(f"Vertex AI refuses this version for {where}: {said(error)}") from error
