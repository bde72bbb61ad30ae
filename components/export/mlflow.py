"""A version in an MLflow tracking server: a run with its parameters, metrics and tags, and a registered model version of it.

What is there is found by its tags, and everything is written so that writing it again changes nothing: an export that was
interrupted is completed by the next. The model version comes last, so whoever meets it meets all of it.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from components.errors import RegistryError
from components.evaluation.metric import Metric, slice_key
from components.export.exported_version import Exported
from components.export.mlflow_client import Json, MlflowClient, tags
from components.settings import Settings

METRICS_AT_ONCE, PARAMETERS_AT_ONCE = 1000, 100
"""What a server takes in one request."""
LONGEST_NAME, LONGEST_VALUE = 250, 500
UNNAMEABLE = re.compile(r"[^A-Za-z0-9_.\- :]+")
"""What no name of a metric or a parameter may have; the stroke is ours, between name, feature and value."""


@dataclass(frozen=True)
class InMlflow:
    """The version in MLflow."""

    name: str
    version: str
    """The number in MLflow, which counts on its own."""
    run_id: str
    aliases: tuple[str, ...]
    made: bool
    """Whether this export made it; else it found it, and brought it up to date."""


def export_to_mlflow(client: MlflowClient, settings: Settings, exported: Exported, *, name: str, source: str) -> InMlflow:
    """Register the version under `name`, or find it. To be called by one exporter at a time.

    Args:
        client: of the tracking server.
        settings: name this registry, and the targets that become aliases.
        exported: the version.
        name: of the registered model there.
        source: gs:// URI of the version's bytes.

    Raises:
        RegistryError: the server has a model of this name, or this version of it, that is not this registry's; or it refuses a value.
        AccessError: the server does not answer, or refuses the credentials.
    """
    known = _identity(settings, exported)
    _own_model(client, name, known)
    found = _own_version(client, name, known)
    run_id = found["run_id"] if found else _run(client, name, exported, known)
    _log(client, run_id, exported, {**known, "perennial.uri": source})
    version = found or _register(client, name, exported, run_id=run_id, source=source, known=known)
    aliases = _point(client, settings, name, version, exported)
    return InMlflow(name, str(version["version"]), run_id, aliases, made=found is None)


def _identity(settings: Settings, exported: Exported) -> dict[str, str]:
    """The tags by which a version is found again, and by which it is told from another's of the same name."""
    return {
        "perennial.registry": f"{settings.cloudsql_instance}/{settings.database}",
        "perennial.model": exported.model.name,
        "perennial.version": str(exported.story.number),
        "perennial.content": exported.story.manifest.sha256,
    }


def _own_model(client: MlflowClient, name: str, known: Mapping[str, str]) -> None:
    of_model = {tag: known[tag] for tag in ("perennial.registry", "perennial.model")}
    answer = client.find("registered-models/get", name=name)
    if answer is None:
        client.post("registered-models/create", name=name, tags=tags(of_model))
        return
    there = _tags(answer["registered_model"])
    if {tag: there.get(tag) for tag in of_model} != of_model:
        whose = there.get("perennial.registry", "somebody else's")
        raise RegistryError(f"{client.uri} has a model {name!r} that is {whose}, not this registry's: give another name with --name")


def _own_version(client: MlflowClient, name: str, known: Mapping[str, str]) -> Json | None:
    versions = client.pages("GET", "model-versions/search", "model_versions", filter=f"name = '{name}'", max_results="1000")
    for version in versions:
        there = _tags(version)
        if there.get("perennial.version") != known["perennial.version"] or there.get("perennial.registry") != known["perennial.registry"]:
            continue
        if (content := there.get("perennial.content")) != known["perennial.content"]:
            raise RegistryError(
                f"{client.uri} has version {known['perennial.version']} of {name!r} with other bytes ({content}): the registry was made "
                f"anew since; delete MLflow's version {version['version']}, or give another name with --name"
            )
        return version
    return None


def _tags(thing: Json) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in thing.get("tags", ())}


def _run(client: MlflowClient, name: str, exported: Exported, known: Mapping[str, str]) -> str:
    """The run of an export that was interrupted, else a new one."""
    experiment = _experiment(client, f"perennial/{name}")
    wanted = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in known.items())
    for run in client.pages("POST", "runs/search", "runs", experiment_ids=[experiment], filter=wanted, max_results=10):
        return str(run["info"]["run_id"])
    answer = client.post(
        "runs/create",
        experiment_id=experiment,
        run_name=f"{exported.model.name} {exported.story.number}",
        start_time=_milliseconds(exported.story.run.started_at),
        tags=tags(known),
    )
    return str(answer["run"]["info"]["run_id"])


def _experiment(client: MlflowClient, name: str) -> str:
    answer = client.find("experiments/get-by-name", experiment_name=name)
    if answer is None:
        return str(client.post("experiments/create", name=name)["experiment_id"])
    if answer["experiment"].get("lifecycle_stage") == "deleted":
        raise RegistryError(f"the experiment {name!r} of {client.uri} is deleted: restore it there, or give another name with --name")
    return str(answer["experiment"]["experiment_id"])


def _log(client: MlflowClient, run_id: str, exported: Exported, known: Mapping[str, str]) -> None:
    """Log everything with the time of the version, at step 0: what is logged again is the same point."""
    at = _milliseconds(exported.story.created_at)
    evaluation = exported.story.own_evaluation
    points = [
        {"key": key, "value": _number(value), "timestamp": at, "step": 0}
        for metric in (evaluation.metrics if evaluation else ())
        for key, value in _named(metric)
    ]
    for some in _batches(points, METRICS_AT_ONCE):
        client.post("runs/log-batch", run_id=run_id, metrics=some)
    for some in _batches(tags(_parameters(exported)), PARAMETERS_AT_ONCE):
        client.post("runs/log-batch", run_id=run_id, params=some)
    client.post("runs/log-batch", run_id=run_id, tags=tags({**known, **_provenance_tags(exported)}))
    ended = exported.story.run.finished_at or exported.story.created_at
    client.post("runs/update", run_id=run_id, status="FINISHED", end_time=_milliseconds(ended))


def _register(client: MlflowClient, name: str, exported: Exported, *, run_id: str, source: str, known: Mapping[str, str]) -> Json:
    story = exported.story
    answer = client.post(
        "model-versions/create",
        name=name,
        source=source,
        run_id=run_id,
        description=f"Version {story.number} of {story.model} in Perennial: `perennial show {story.model} {story.number}` tells all.",
        tags=tags({**known, "perennial.uri": source, "perennial.snapshot": story.snapshot.snapshot_id}),
    )
    version: Json = answer["model_version"]
    return version


def _point(client: MlflowClient, settings: Settings, name: str, version: Json, exported: Exported) -> tuple[str, ...]:
    """Let `perennial-vN` and the targets that serve the version point to it, and those that do not serve it any more not."""
    number = str(version["version"])
    wanted = {f"perennial-v{exported.story.number}", *exported.story.live_on}
    there = set((client.find("model-versions/get", name=name, version=number) or {"model_version": {}})["model_version"].get("aliases", ()))
    for alias in sorted(wanted - there):
        client.post("registered-models/alias", name=name, alias=alias, version=number)
    for alias in sorted(there & set(settings.targets) - wanted):
        client.delete("registered-models/alias", name=name, alias=alias)
    return tuple(sorted(wanted))


def _named(metric: Metric) -> Iterator[tuple[str, float]]:
    """A metric and its bounds by name: `auc`, `auc/segment/regular`, `auc/segment/regular/low`, which MLflow's pages group by `auc`."""
    key = _metric_key(metric)
    yield key, metric.value
    if metric.ci_low is not None and metric.ci_high is not None:
        yield f"{key}/low", metric.ci_low
        yield f"{key}/high", metric.ci_high


def _metric_key(metric: Metric) -> str:
    """The name of a metric on a slice. Where MLflow could not take the slice as it is, a hash tells it from others that look like it."""
    parts = [metric.name, *(text for pair in sorted(metric.slice.items()) for text in pair)]
    key = "/".join(map(_nameable, parts))
    room = LONGEST_NAME - len("/high")
    if key == "/".join(parts) and len(key) <= room:
        return key
    suffix = f"-{hashlib.sha256(slice_key(metric.slice).encode()).hexdigest()[:8]}"
    return key[: room - len(suffix)] + suffix


def _nameable(text: str) -> str:
    """A text as a part of a name, which must not be a path that leads elsewhere."""
    name = UNNAMEABLE.sub("_", text)
    return name if name.strip(". ") else f"_{name}_"


def _number(value: float) -> float | str:
    """The number; NaN and infinity, which JSON lacks, as protocol buffers write them."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _parameters(exported: Exported) -> dict[str, str]:
    """What the run was asked for, and the data that it trained on."""
    story = exported.story
    data = {
        "partition_from": str(story.snapshot.partition_from),
        "partition_to": str(story.snapshot.partition_to),
        "rows": str(story.snapshot.row_count),
    }
    asked = {name: value if isinstance(value, str) else json.dumps(value) for name, value in story.run.run.parameters.items()}
    return {_nameable(name)[:LONGEST_NAME]: value[:LONGEST_VALUE] for name, value in {**asked, **data}.items()}


def _provenance_tags(exported: Exported) -> dict[str, str]:
    """What made the version, in Perennial's words and, where it has some, in MLflow's."""
    story, run = exported.story, exported.story.run.run
    found = {
        "perennial.snapshot": story.snapshot.snapshot_id,
        "perennial.source": story.snapshot.source_table,
        "perennial.run": run.run_id,
        "perennial.trigger": run.trigger,
        "perennial.reason": run.reason[:LONGEST_VALUE],
        "perennial.environment": run.environment_digest,
        "perennial.code": story.code_sha256,
        "perennial.blessed": ("yes" if story.blessings[-1].blessed else "no") if story.blessings else "not judged",
        "mlflow.source.name": "perennial",
    }
    commit = {"perennial.commit": run.git_commit, "mlflow.source.git.commit": run.git_commit} if run.git_commit else {}
    return {**found, **commit}


def _batches(items: Sequence[Json], size: int) -> Iterable[Sequence[Json]]:
    """Yield the items in batches of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _milliseconds(when: datetime) -> int:
    """The milliseconds from 1970 to a time."""
    return int(when.timestamp() * 1000)
