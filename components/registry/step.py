"""What the steps `start`, `push`, `record` and `finish` do."""

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from components.canonical import fingerprint
from components.cloud import Cloud
from components.errors import ModelFolderError, PerennialError
from components.evaluation.config import eval_config
from components.evaluation.judge import refusal
from components.evaluation.results import Results, SplitMetrics, read_results
from components.examples.digest import DIGEST
from components.model.folder import Model
from components.model.sections import Split
from components.registry import evaluations
from components.registry.expiry import apply_expiry
from components.registry.publish import publish_missing
from components.registry.summary import write_summary
from components.registry.versions import NewVersion, register_version, training_fingerprint
from components.runs.kubeflow import find_execution, record_execution
from components.runs.machine import MACHINE
from components.runs.new_run import new_training_run
from components.runs.outcome import Step
from components.runs.provenance import Launch, environment_digest
from components.runs.record import (
    RunState,
    finish_run,
    is_recorded,
    pipeline_tasks,
    read_run,
    record_tasks,
    require_running,
    start_run,
)
from components.runs.steps import PipelineName
from components.snapshot import record as snapshots
from components.snapshot.document import Snapshot
from components.snapshot.pinned import keep_pinned
from components.snapshot.record import DatasetRole
from components.snapshot.step import snapshot_of
from components.storage.manifest import CODE, Manifest, manifest_json, parse_manifest
from components.storage.objects import push_folder
from components.tfx.artifacts import KfpArtifact

log = logging.getLogger(__name__)

SUCCEEDED = ("SUCCEEDED", "COMPLETE", "CACHED")
"""What a pipeline that succeeded is called: by kfp.local, and by Kubeflow's driver, which passes on the state that MLMD keeps."""

MANIFEST = "manifest.json"
ADDRESS = "address"
"""The file beside the manifest in the artifact of `push`; it has the gs:// URI of the pushed folder."""


def start_recorded_run(step: Step, through: str, launch: str, kubeflow_run: str | None = None) -> None:
    """Record the start of the run, and which run of Kubeflow executes it.

    Raises:
        DoubledRunError: another run of Kubeflow executes it already.
        ModelFolderError: the model's folder here is not the one that the run was launched with.
    """
    known = Launch.from_json(launch)
    with step.cloud.engine.begin() as connection:
        start_run(connection, new_training_run(step, known, through=through))
        if known.kubeflow and kubeflow_run:
            record_execution(connection, step.run_id, kubeflow_run, f"{known.kubeflow}{kubeflow_run}")
    if step.model.code_sha256() != known.code_sha256:
        raise ModelFolderError(
            f"the folder of model {step.model.name!r} changed since the run was launched (or the image holds another): "
            f"run it again, with an image built from this commit"
        )


def push_model(step: Step, snapshot: KfpArtifact, trained: KfpArtifact, pushed: KfpArtifact) -> None:
    """Push the SavedModel together with the model's folder, and leave the manifest in the artifact."""
    model = step.model
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / model.name
        shutil.copytree(Path(trained.path) / "Format-Serving", folder)
        for name in model.files():
            (folder / CODE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model.folder / name, folder / CODE / name)
        metadata = {"model": model.name, "run": step.run_id, "snapshot": snapshot_of(snapshot).snapshot_id}
        manifest = push_folder(step.cloud.storage, step.settings.bucket, model=model.name, folder=folder, metadata=metadata)
    Path(pushed.path).mkdir(parents=True, exist_ok=True)
    (Path(pushed.path) / MANIFEST).write_text(manifest_json(manifest))
    (Path(pushed.path) / ADDRESS).write_text(manifest.uri)
    pushed.metadata |= {"gs_uri": manifest.uri, "sha256": manifest.sha256, MACHINE: trained.metadata[MACHINE]}


def record_version(
    step: Step, snapshot: KfpArtifact, counts: KfpArtifact, pushed: KfpArtifact, results: KfpArtifact, summary: KfpArtifact
) -> int:
    """Record everything about the version in one transaction, then publish it. Returns its number.

    A candidate that the champion is better than gets a number and its story, too, and the run ends as BLOCKED. It is not published.
    """
    model, run_id, pinned, judged = step.model, step.run_id, snapshot_of(snapshot), read_results(Path(results.path))
    manifest = parse_manifest((Path(pushed.path) / ADDRESS).read_text(), (Path(pushed.path) / MANIFEST).read_bytes())
    with step.cloud.engine.begin() as connection:
        require_running(connection, run_id)
        snapshots.record_snapshot(connection, snapshots.RecordedSnapshot.of(pinned))
        snapshots.link_snapshot(connection, run_id, DatasetRole.TRAIN, pinned.snapshot_id)
        record_tasks(connection, run_id, pipeline_tasks(PipelineName.TRAINING))
        digest, machine = str(counts.metadata[DIGEST]), str(pushed.metadata[MACHINE])
        number = register_version(connection, _new_version(model, run_id, pinned, manifest, examples_sha256=digest, machine=machine))
        for evaluation in _evaluations(model, number, run_id, pinned, judged):
            evaluations.record_evaluation(connection, evaluation)
        evaluations.record_blessing(connection, _blessing(model, number, run_id, judged))
        if not judged.blessed:
            finish_run(connection, run_id, RunState.BLOCKED, f"{refusal(model, judged)} (version {number})")
    with ThreadPoolExecutor(1) as beside:  # BigQuery answers while Cloud Storage copies
        kept = beside.submit(_keep_recorded, step, pinned)
        _publish_recorded(step.cloud, model.name)
    kept.result()
    write_summary(Path(summary.path), version=number, run_id=run_id, snapshot=pinned, uri=manifest.uri)
    return number


def _keep_recorded(step: Step, pinned: Snapshot) -> None:
    """Let the pinned table not expire. Should this fail, the end of a run does it; the version is good all the same."""
    try:
        keep_pinned(step.cloud.warehouse, step.settings, pinned.snapshot_table)
    except PerennialError as error:
        log.warning("the pinned table will expire: run perennial snapshot expire", extra={"model": pinned.model, "error": str(error)})


def _publish_recorded(cloud: Cloud, model: str) -> None:
    """Publish what is not published yet. Should this fail, the next run or deployment does it; the version is good all the same."""
    try:
        publish_missing(cloud.engine, cloud.storage, cloud.settings.bucket, model)
    except PerennialError as error:
        log.warning("versions could not be published: run perennial verify --repair", extra={"model": model, "error": str(error)})


def finish_recorded_run(cloud: Cloud, run_id: str, state: str, error: str | None, kubeflow_run: str | None = None) -> None:
    """End the run as the pipeline's state says, unless a step has ended it with its reason.

    A run that never started, since no window was due, and one that another run of Kubeflow executes, are left as they are.
    """
    with cloud.engine.begin() as connection:
        executed_by = find_execution(connection, run_id)
        if not is_recorded(connection, run_id) or executed_by not in (None, kubeflow_run):
            log.info("there is no run of this execution to end", extra={"run_id": run_id, "executed_by": executed_by})
            return
        if state in SUCCEEDED:
            ended = finish_run(connection, run_id, RunState.SUCCEEDED)
        else:
            wanted = RunState.CANCELLED if state == "CANCELLED" else RunState.FAILED
            ended = finish_run(connection, run_id, wanted, error or "a step failed without saying why: see its log")
    if ended == RunState.SUCCEEDED:
        _let_old_tables_expire(cloud, run_id)


def _let_old_tables_expire(cloud: Cloud, run_id: str) -> None:
    """Let go what only versions older than the new one needed. Should this fail, the next run does it; this one is good all the same."""
    try:
        with cloud.engine.begin() as connection:
            model = read_run(connection, run_id).run.model
            apply_expiry(connection, cloud.warehouse, settings=cloud.settings, model=model, now=datetime.now(UTC))
    except PerennialError as error:
        log.warning("tables of old snapshots could not be let expire", extra={"run_id": run_id, "error": str(error)})


def training_sha256(model: Model, snapshot_id: str) -> str:
    """What the weights of a training depend on: data, the model's folder, the environment."""
    return training_fingerprint(snapshot_id, model.code_sha256(), parameters={}, environment_digest=environment_digest())


def _new_version(model: Model, run_id: str, pinned: Snapshot, manifest: Manifest, *, examples_sha256: str, machine: str) -> NewVersion:
    return NewVersion(
        model=model.name,
        run_id=run_id,
        snapshot_id=pinned.snapshot_id,
        code_sha256=model.code_sha256(),
        training_sha256=training_sha256(model, pinned.snapshot_id),
        manifest=manifest,
        framework="tensorflow",
        examples_sha256=examples_sha256,
        training_machine=machine,
        signature={
            "name": "serving_default",
            "inputs": {"examples": "string [batch]"},
            "outputs": {"score": f"float32 [batch, {model.score_count}]"},
        },
    )


def _evaluations(model: Model, number: int, run_id: str, pinned: Snapshot, judged: Results) -> Iterator[evaluations.Evaluation]:
    """Of the version on each split, and of the champion on the same rows."""
    config = fingerprint(json.loads(eval_config(model)))
    for one in (SplitMetrics(Split.EVAL, None, judged.metrics), *judged.others):
        yield evaluations.Evaluation(
            model=model.name,
            version=one.version or number,
            run_id=run_id,
            snapshot_id=pinned.snapshot_id,
            config_sha256=config,
            split=one.split,
            metrics=one.metrics,
        )


def _blessing(model: Model, number: int, run_id: str, judged: Results) -> evaluations.Blessing:
    return evaluations.Blessing(
        model=model.name,
        version=number,
        run_id=run_id,
        policy_sha256=fingerprint(
            [[threshold.model_dump() for threshold in model.evaluation.thresholds], model.evaluation.champion.model_dump()]
        ),
        blessed=judged.blessed,
        checks=judged.checks,
        decided_by="tensorflow-model-analysis",
        baseline_version=judged.champion.version,
        notes=judged.champion.notes,
    )
