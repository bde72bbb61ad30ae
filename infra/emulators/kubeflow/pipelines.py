"""The calls for pipelines and their versions (pipeline_server.go, pipeline_upload_server.go; tag 2.17.0)."""

from infra.emulators.kubeflow.errors import Code, Refusal, invalid, not_found
from infra.emulators.kubeflow.listing import Json, page
from infra.emulators.kubeflow.specs import parse_spec, require_pipeline_name
from infra.emulators.kubeflow.state import State, new_id

FIELDS = ("created_at", "pipeline_id", "name", "display_name", "id", "description", "namespace")
VERSION_FIELDS = ("created_at", "pipeline_version_id", "name", "display_name", "id", "description")


def create(state: State, body: Json) -> Json:
    """Make a pipeline without a version."""
    name = body.get("name") or body.get("display_name", "")
    if not name:
        raise invalid("pipeline's name cannot be empty").wrapped("Failed to create a pipeline")
    if any(item["name"] == name for item in state.pipelines.values()):
        text = f"Failed to create a new pipeline. The name {name} already exist. Please specify a new name"
        raise Refusal(Code.ALREADY_EXISTS, text).wrapped("Failed to create a pipeline")
    made = {"pipeline_id": new_id(), "name": name, "display_name": body.get("display_name") or name, "created_at": state.now()}
    made |= {"description": body["description"]} if body.get("description") else {}
    state.pipelines[made["pipeline_id"]] = made
    return made


def upload(state: State, query: dict[str, str], text: str, file: str) -> Json:
    """Make a pipeline from a file, and its first version of the same name."""
    spec = parse_spec(text)
    require_pipeline_name(spec["pipeline_spec"])
    name = query.get("name") or query.get("display_name") or file
    made = create(state, {"name": name, "display_name": query.get("display_name"), "description": query.get("description")})
    _add_version(state, made["pipeline_id"], name, query.get("description", ""), spec)
    return made


def upload_version(state: State, query: dict[str, str], text: str, file: str) -> Json:
    """Add a version to a pipeline from a file."""
    if query.get("pipelineid", "") not in state.pipelines:
        raise invalid("Failed to create a pipeline version")
    spec = parse_spec(text)
    require_pipeline_name(spec["pipeline_spec"])
    name = query.get("name") or query.get("display_name") or file
    return _add_version(state, query["pipelineid"], name, query.get("description", ""), spec)


def _add_version(state: State, pipeline_id: str, name: str, description: str, spec: Json) -> Json:
    if any(item["name"] == name for item in _versions(state, pipeline_id)):
        raise Refusal(Code.ALREADY_EXISTS, f"Failed to create a new pipeline version. The name {name} already exist. Specify a new name")
    made = {"pipeline_id": pipeline_id, "pipeline_version_id": new_id(), "name": name, "display_name": name, "created_at": state.now()}
    made |= {"pipeline_spec": spec["pipeline_spec"]} | ({"description": description} if description else {})
    if spec["platform_spec"]:
        made["pipeline_spec"] = spec
    state.versions[made["pipeline_version_id"]] = made | {"_spec": spec}
    return made


def _versions(state: State, pipeline_id: str) -> list[Json]:
    return [
        {key: value for key, value in item.items() if key != "_spec"}
        for item in state.versions.values()
        if item["pipeline_id"] == pipeline_id
    ]


def read(state: State, pipeline_id: str) -> Json:
    """A pipeline."""
    if pipeline_id not in state.pipelines:
        raise not_found("Pipeline", pipeline_id).wrapped(f"Failed to get a pipeline {pipeline_id}. Check error stack")
    return state.pipelines[pipeline_id]


def list_all(state: State, query: dict[str, str]) -> Json:
    """A page of pipelines."""
    return page(list(state.pipelines.values()), query, fields=FIELDS, key="pipeline_id", what="pipelines", name="Pipeline")


def delete(state: State, pipeline_id: str, query: dict[str, str]) -> Json:
    """Delete a pipeline; one with versions only where `cascade` says so."""
    read(state, pipeline_id)
    versions = _versions(state, pipeline_id)
    if versions and query.get("cascade") != "true":
        newest = versions[-1]["pipeline_version_id"]
        text = f"Failed to delete pipeline with id {pipeline_id} as it has existing pipeline versions (e.g. {newest}). "
        raise invalid(f"{text}Set cascade=true to delete all versions").wrapped(f"Failed to delete pipeline {pipeline_id}")
    for version in versions:
        del state.versions[version["pipeline_version_id"]]
    del state.pipelines[pipeline_id]
    return {}


def list_versions(state: State, pipeline_id: str, query: dict[str, str]) -> Json:
    """A page of a pipeline's versions."""
    found = _versions(state, pipeline_id)
    return page(found, query, fields=VERSION_FIELDS, key="pipeline_version_id", what="pipeline_versions", name="PipelineVersion")


def read_version(state: State, pipeline_id: str, version_id: str) -> Json:
    """A version."""
    found = next((item for item in _versions(state, pipeline_id) if item["pipeline_version_id"] == version_id), None)
    if found is None:
        raise not_found("PipelineVersion", version_id).wrapped(f"Failed to get a pipeline version {version_id}")
    return found


def delete_version(state: State, pipeline_id: str, version_id: str) -> Json:
    """Delete a version."""
    read_version(state, pipeline_id, version_id)
    del state.versions[version_id]
    return {}


def referenced_spec(state: State, reference: Json) -> tuple[Json, Json]:
    """The version that a run refers to, the pipeline's newest if it names none, as a whole reference; and its spec."""
    version_id, pipeline_id = reference.get("pipeline_version_id"), reference.get("pipeline_id", "")
    if not version_id:
        newest = [item for item in state.versions.values() if item["pipeline_id"] == pipeline_id]
        version_id = newest[-1]["pipeline_version_id"] if newest else ""
    if version_id not in state.versions:
        raise not_found("PipelineVersion", version_id or pipeline_id)
    version = state.versions[version_id]
    return {"pipeline_id": version["pipeline_id"], "pipeline_version_id": version_id}, version["_spec"]
