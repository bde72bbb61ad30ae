"""Let versions predict on the newest rows, and measure the predictions of labelled ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from components.deployment.saved_model import load_signature
from components.diagnosis.metrics import Changes, MetricDifference, compare_metrics
from components.diagnosis.newest.by_span import widened_by_span
from components.diagnosis.newest.loaded_version import LoadedVersion, predict
from components.diagnosis.newest.predictions import NO_CLASS, Predicted, SideBySide, in_bands, side_by_side
from components.diagnosis.newest.rows import FedRows
from components.diagnosis.newest.sample import Sample, key_texts
from components.diagnosis.newest.version_now import VersionNow, class_shares
from components.errors import RegistryError, SourceError
from components.evaluation.chance.by_key import changes_by_key
from components.evaluation.metric import Metric
from components.model.folder import Model
from components.predictions.measuring import measure_predictions, split_rows
from components.settings import Settings

Progress = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class NewestPredictions:
    """The versions' predictions on the newest rows, and how good they are."""

    versions: tuple[VersionNow, ...]
    side_by_side: SideBySide | None = None
    on_same_rows: tuple[MetricDifference, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class _Answers:
    """The predictions of one version; None for rows that it was not given."""

    today: Predicted | None = None
    then: Predicted | None = None
    judged: Predicted | None = None
    metrics: tuple[Metric, ...] = ()
    """The metrics of the judged rows."""
    problem: str | None = None


def predict_newest(
    settings: Settings, versions: Sequence[LoadedVersion], rows: Sequence[FedRows], *, progress: Progress
) -> NewestPredictions:
    """Let each version predict its rows: today's, those of the last trained span, and labelled ones, which are also measured.

    Raises:
        StorageFullError: the disk has no room.
    """
    answers = _banded([_predict_one(settings, version, fed, progress) for version, fed in zip(versions, rows, strict=True)])
    now = tuple(_version_now(version, found) for version, found in zip(versions, answers, strict=True))
    if len(versions) == 1:
        return NewestPredictions(versions=now)
    (one, other), (fed, fed_other) = answers, rows
    together = None
    if one.today and other.today and fed.today and fed_other.today:
        together = _together(versions, (one.today, other.today), (fed.today, fed_other.today))
    both = one.metrics and other.metrics
    changes = _changes(versions, answers, rows) if both else None
    same_rows = compare_metrics(one.metrics, other.metrics, changes) if both else ()
    return NewestPredictions(versions=now, side_by_side=together, on_same_rows=same_rows)


def _banded(answers: Sequence[_Answers]) -> list[_Answers]:
    """With predicted numbers in bands: those of the newer version's numbers when it was trained, or else of today's."""
    known = [one for answer in reversed(answers) for one in (answer.then, answer.today) if one is not None and one.bounds is not None]
    like = next((one.scores[:, one.point] for one in known if np.isfinite(one.scores).any()), np.empty(0, np.float32))
    return [
        replace(answer, today=answer.today and in_bands(answer.today, like), then=answer.then and in_bands(answer.then, like))
        for answer in answers
    ]


def _changes(versions: Sequence[LoadedVersion], answers: Sequence[_Answers], rows: Sequence[FedRows]) -> Changes | None:
    """How two versions differ on the very same labelled rows; None if they were fed different ones, or give other scores."""
    judged, model = rows[-1].judged, versions[-1].model
    found = [answer.judged for answer in answers if answer.judged is not None]
    if judged is None or rows[0].judged is not judged or len(found) < 2 or versions[0].model.task != model.task:
        return None
    before, after = found
    answered = (before.class_indices != NO_CLASS) & (after.class_indices != NO_CLASS)
    if not answered.any():
        return None
    scored = split_rows(model, judged.rows.filter(pa.array(answered)), {"before": before.scores[answered], "after": after.scores[answered]})
    return changes_by_key(scored, "before", "after", model.task)


def _predict_one(settings: Settings, version: LoadedVersion, fed: FedRows, progress: Progress) -> _Answers:
    if version.folder is None or fed.unreadable:
        return _Answers(problem=version.problem or f"{version.name} cannot be fed: {fed.unreadable}")
    progress(f"{version.name} predicts")
    try:
        signature = load_signature(version.folder, f"{version.model.name} {version.name}")
        today, then, judged = (predict(signature, version.model, one.rows) if one else None for one in (fed.today, fed.then, fed.judged))
    except (RegistryError, SourceError) as error:
        return _Answers(problem=f"{version.name} cannot be asked: {error}")
    if judged is None or fed.judged is None or (judged.class_indices == NO_CLASS).all():
        return _Answers(today=today, then=then)
    progress(f"{version.name} is measured on {len(judged.scores):,} labelled rows")
    return _Answers(today=today, then=then, judged=judged, metrics=_measure(settings, version.model, fed.judged.rows, judged))


def _measure(settings: Settings, model: Model, rows: pa.Table, predicted: Predicted) -> tuple[Metric, ...]:
    """Measure the predictions of the rows that the model does not refuse."""
    answered = predicted.class_indices != NO_CLASS
    chosen = rows.filter(pa.array(answered))
    found = measure_predictions(model, chosen, predicted.scores[answered], beam_args=settings.beam_args)
    scored = split_rows(model, chosen, {"now": predicted.scores[answered]})
    return tuple(widened_by_span(found, scored, "now", chosen.column(model.rows.span), model.task))


def _version_now(version: LoadedVersion, answers: _Answers) -> VersionNow:
    refusals = [one.refusal for one in (answers.today, answers.then) if one and one.refusal]
    return VersionNow(
        name=version.name,
        number=version.story.number,
        then=class_shares(answers.then) if answers.then and len(answers.then.scores) else None,
        now=class_shares(answers.today) if answers.today and len(answers.today.scores) else None,
        differences=compare_metrics(version.story.own_metrics, answers.metrics) if answers.metrics else (),
        refusal=next(iter(refusals), None),
        problem=answers.problem,
    )


def _together(
    versions: Sequence[LoadedVersion], predicted: tuple[Predicted, Predicted], samples: tuple[Sample, Sample]
) -> SideBySide | None:
    """Compare two versions on the rows that have the same keys."""
    slices = versions[-1].model.evaluation.slices
    if samples[0] is samples[1]:
        return side_by_side(*predicted, samples[1].rows, slices)
    if not (samples[0].rows.num_rows and samples[1].rows.num_rows):
        return None
    keys = [_keys(version, sample) for version, sample in zip(versions, samples, strict=True)]
    _, one, other = np.intersect1d(keys[0], keys[1], return_indices=True)
    before, after = (_chosen(each, indices) for each, indices in zip(predicted, (one, other), strict=True))
    return side_by_side(before, after, samples[1].rows.take(pa.array(other)), slices)


def _keys(version: LoadedVersion, sample: Sample) -> np.ndarray:
    return np.asarray(key_texts(sample.rows.column(version.model.rows.key).combine_chunks()).to_pylist(), str)


def _chosen(predicted: Predicted, indices: np.ndarray) -> Predicted:
    return replace(predicted, scores=predicted.scores[indices])
