"""Versions in Vertex AI Model Registry, at the wire: the requests are those of Google's definition, and none is sent twice."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from google.cloud.aiplatform_v1 import types

from components.errors import AccessError, RegistryError, SettingsError
from components.evaluation.metric import Metric
from components.export.exported_version import Exported
from components.export.vertex import InVertex, _slices, _values, export_to_vertex, vertex_location
from components.google import vertex_model_client
from components.registry.versions import NewVersion
from components.settings import Settings
from tests.components.export.exporting import HOSTILE, exported
from tests.components.export.vertex_fake import PARENT, Vertex, answering

MakeVersion = Callable[..., NewVersion]
SOURCE = "gs://models/models/site/1"
IMAGE = "europe-docker.pkg.dev/a-project/serving/tensorflow@sha256:" + "1" * 64


@pytest.fixture
def vertex() -> Iterator[Vertex]:
    with answering() as vertex:
        yield vertex


@pytest.fixture
def version(connection: sa.Connection, new_version: MakeVersion, tmp_path: Path) -> Exported:
    return exported(connection, new_version, tmp_path)


@pytest.fixture
def settings(cloud: Settings, vertex: Vertex) -> Settings:
    return cloud.model_copy(update={"vertex_endpoint": vertex.uri})


@pytest.fixture
def export(settings: Settings) -> Callable[..., InVertex]:
    def export(version: Exported, settings: Settings = settings, **changes: Any) -> InVertex:
        client = vertex_model_client(settings, "europe-west1")
        given = {"location": "europe-west1", "name": version.model.name, "source": SOURCE, "image": IMAGE, **changes}
        return export_to_vertex(client, settings, version, **given)

    return export


def test_the_first_version_makes_the_model(vertex: Vertex, version: Exported, export: Callable[..., InVertex]) -> None:
    made = export(version)
    name, story = version.model.name, version.story
    assert (made.name, made.made) == (f"{PARENT}/models/{name}@1", True)
    (request,) = vertex.requests(types.UploadModelRequest)
    assert (request.parent, request.model_id, request.parent_model) == (PARENT, name, "")
    model = request.model
    assert (model.display_name, model.artifact_uri, model.container_spec.image_uri) == (name, SOURCE, IMAGE)
    assert list(model.version_aliases) == ["perennial-v1"]
    assert dict(model.labels) | {"perennial_registry": ""} == {
        "perennial_registry": "",
        "perennial_version": "1",
        "perennial_content": story.manifest.sha256[:63],
        "perennial_snapshot": story.snapshot.snapshot_id[:63],
        "perennial_commit": "c" * 40,
    }
    (token,) = vertex.tokens
    assert token.startswith("Bearer ")


def test_the_evaluation_and_its_slices_are_imported(vertex: Vertex, version: Exported, export: Callable[..., InVertex]) -> None:
    made = export(version)
    (request,) = vertex.requests(types.ImportModelEvaluationRequest)
    assert (request.parent, made.evaluation) == (made.name, f"{made.name}/evaluations/1")
    evaluation = request.model_evaluation
    assert evaluation.display_name == f"perennial {version.story.run.run.run_id}"
    assert evaluation.metrics_schema_uri == "gs://google-cloud-aiplatform/schema/modelevaluation/classification_metrics_1.0.0.yaml"
    assert dict(evaluation.metrics) == {"auRoc": 0.8125}
    assert dict(evaluation.metadata["metrics"]) == {"auc": 0.8125}
    assert evaluation.metadata["snapshot"] == version.story.snapshot.snapshot_id
    (batch,) = vertex.requests(types.BatchImportModelEvaluationSlicesRequest)
    assert batch.parent == made.evaluation
    parts = [(part.slice_.dimension, part.slice_.slice_spec.configs["device"].value.string_value) for part in batch.model_evaluation_slices]
    assert parts == [("slice", HOSTILE), ("slice", "phone")]
    assert [dict(part.metrics) for part in batch.model_evaluation_slices] == [{"auRoc": 0.7}, {"auRoc": 0.75}]


def test_exporting_again_sends_nothing_that_is_there(vertex: Vertex, version: Exported, export: Callable[..., InVertex]) -> None:
    first = export(version)
    sent = len(vertex.asked)
    assert export(version, image=None) == replace(first, made=False)
    assert len(vertex.asked) == sent == 3


@pytest.mark.parametrize("part", ["evaluations:import", "slices:batchImport"])
def test_an_export_that_was_cut_off_is_completed_by_the_next(
    vertex: Vertex, version: Exported, export: Callable[..., InVertex], part: str
) -> None:
    vertex.refuse, vertex.refuse_path = 400, part
    with pytest.raises(RegistryError, match=f"Vertex AI refuses this version for perennial-test in europe-west1: .*no {part}"):
        export(version)
    vertex.refuse = None
    made = export(version)
    assert (made.made, len(vertex.models[version.model.name])) == (False, 1)
    assert len(vertex.slices[made.evaluation or ""]) == 2
    assert len(vertex.requests(types.ImportModelEvaluationRequest)) == 1


def test_a_further_version_names_its_model(
    vertex: Vertex, connection: sa.Connection, version: Exported, export: Callable[..., InVertex]
) -> None:
    export(version)
    second = replace(version, story=replace(version.story, number=2))
    assert export(second).name == f"{PARENT}/models/{version.model.name}@2"
    request = vertex.requests(types.UploadModelRequest)[1]
    assert (request.model_id, request.parent_model) == ("", f"{PARENT}/models/{version.model.name}")


def test_a_model_of_somebody_else_is_left_alone(vertex: Vertex, version: Exported, export: Callable[..., InVertex]) -> None:
    name = version.model.name
    vertex.models[name] = [types.Model(name=f"{PARENT}/models/{name}", version_id="1")]
    with pytest.raises(RegistryError) as error:
        export(version)
    assert str(error.value) == f"Vertex AI has a model {name!r} that is not this registry's: give another name with --name"
    assert export(version, name=f"{name}_2").name == f"{PARENT}/models/{name}_2@1"


def test_a_registry_that_was_made_anew_does_not_pass_for_the_old_one(version: Exported, export: Callable[..., InVertex]) -> None:
    export(version)
    manifest = version.story.manifest
    other = replace(manifest, entries=(replace(manifest.entries[0], sha256="0" * 64),))
    with pytest.raises(RegistryError, match=f"Vertex AI has version 1 of {version.model.name!r} with other bytes"):
        export(replace(version, story=replace(version.story, manifest=other)))


@pytest.mark.parametrize(
    ("image", "why"), [(None, "was given no container image to serve the version"), ("Not An Image", "'Not An Image', which is no")]
)
def test_without_an_image_nothing_is_uploaded(
    vertex: Vertex, version: Exported, export: Callable[..., InVertex], image: str | None, why: str
) -> None:
    with pytest.raises(SettingsError, match=f"{why}.*: give --serving-image, or PERENNIAL_VERTEX_SERVING_IMAGE"):
        export(version, image=image)
    assert vertex.asked == []


def test_the_settings_may_name_the_image(version: Exported, settings: Settings, export: Callable[..., InVertex], vertex: Vertex) -> None:
    export(version, settings.model_copy(update={"vertex_serving_image": IMAGE}), image=None)
    assert vertex.requests(types.UploadModelRequest)[0].model.container_spec.image_uri == IMAGE


@pytest.mark.parametrize(
    ("status", "error", "why"),
    [
        (401, AccessError, "Vertex AI refuses these credentials for perennial-test in europe-west1: no "),
        (403, AccessError, "Vertex AI refuses these credentials for perennial-test in europe-west1: no "),
        (429, AccessError, "Vertex AI cannot be reached for perennial-test in europe-west1 ("),
        (503, AccessError, "Vertex AI cannot be reached for perennial-test in europe-west1 ("),
        (409, RegistryError, "Vertex AI refuses this version for perennial-test in europe-west1: no models:upload"),
    ],
)
def test_what_is_refused_is_one_sentence(
    vertex: Vertex, version: Exported, export: Callable[..., InVertex], status: int, error: type[Exception], why: str
) -> None:
    vertex.refuse, vertex.refuse_path = status, "models:upload"
    with pytest.raises(error) as raised:
        export(version)
    assert str(raised.value).startswith(why)
    assert "\n" not in str(raised.value)


def test_an_endpoint_that_is_not_there_is_named(settings: Settings, version: Exported, export: Callable[..., InVertex]) -> None:
    with pytest.raises(AccessError, match="Vertex AI cannot be reached for perennial-test in europe-west1 .*127.0.0.1"):
        export(version, settings.model_copy(update={"vertex_endpoint": "http://127.0.0.1:9"}))


def test_the_location_is_that_of_cloud_sql_unless_told(settings: Settings) -> None:
    assert vertex_location(settings, None) == "europe-west1"
    assert vertex_location(settings.model_copy(update={"vertex_location": "us-central1"}), None) == "us-central1"
    assert vertex_location(settings, "europe-west4") == "europe-west4"
    with pytest.raises(SettingsError, match="'EU/../x' is no region of Google Cloud: give --location, such as europe-west1"):
        vertex_location(settings, "EU/../x")


def test_metrics_have_vertex_names_where_it_knows_them(version: Exported) -> None:
    binary = [Metric("auc", {}, 0.8), Metric("precision", {}, 0.6), Metric("recall", {}, 0.5), Metric("calibration", {}, 1.0)]
    assert _values(binary) == {"auRoc": 0.8, "confidenceMetrics": [{"confidenceThreshold": 0.5, "precision": 0.6, "recall": 0.5}]}
    assert _values([Metric("macro_f1", {}, 0.7), Metric("accuracy", {}, 0.9)]) == {"confidenceMetrics": [{"f1ScoreMacro": 0.7}]}
    assert _values([Metric("auc", {}, float("nan"))]) == {}
    evaluation = version.story.own_evaluation
    assert evaluation is not None
    many = replace(evaluation, metrics=[Metric("auc", {"hour": str(hour)}, 0.5) for hour in range(120)])
    assert len(_slices(many)) == 120


def test_many_slices_are_sent_in_parts(vertex: Vertex, version: Exported, export: Callable[..., InVertex]) -> None:
    (evaluation,) = version.story.evaluations
    many = replace(evaluation, metrics=[Metric("auc", {"hour": str(hour)}, 0.5) for hour in range(120)])
    export(replace(version, story=replace(version.story, evaluations=(many,))))
    sent = vertex.requests(types.BatchImportModelEvaluationSlicesRequest)
    assert [len(batch.model_evaluation_slices) for batch in sent] == [50, 50, 20]
