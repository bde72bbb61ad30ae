"""The gate after training: the Evaluator, thresholds by slice, the champion on the same rows, and the sentence that says why not."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from components.errors import ModelFolderError
from components.evaluation import evaluator
from components.evaluation.champion.champion import ChampionVersion
from components.evaluation.champion.changes import CHAMPION, MeasuredSplit, hold_against_champion
from components.evaluation.chance.by_key import with_key_intervals
from components.evaluation.config import eval_config, overall_config
from components.evaluation.evaluator import CANDIDATE, Judged
from components.evaluation.metric import Check, Metric
from components.evaluation.probabilities import score_fault
from components.evaluation.residuals import ResidualBand, residual_bands
from components.evaluation.results import ChampionResult, Results, SplitMetrics, check_threshold, load_metrics, load_results
from components.evaluation.split_scores import SplitScores, measure_split, score_split, split_files
from components.measurement.scored import Network, load_network
from components.measurement.sums import StockOnlyError
from components.measurement.tfma_files import parse_config, write_results
from components.model.folder import Model
from components.model.sections import Split
from components.wording import count

SERVED = '{"modelSpecs": [{"signatureName": "serving_default"}], "slicingSpecs": [{}]}'
log = logging.getLogger(__name__)


def evaluate(
    model: Model, judged: Judged, *, beam_args: Sequence[str], stock: bool = False, champion: ChampionVersion | None = None
) -> Results:
    """Evaluate a model and the champion on the same rows: the eval split, and the newest spans if some are held out.

    Args:
        model: of the version that is judged.
        judged: what is evaluated.
        beam_args: where the stock Evaluator runs.
        stock: whether it runs in any case; see evaluator.py.
        champion: what it is held against; None if there is none.

    Raises:
        ModelFolderError: a score is no probability, or no number where numbers are predicted.
        TaskError: the model scores a row as NaN, or only the stock Evaluator, which does not know such models, knows the rows.
    """
    others = _network_of(champion)
    is_stock_known = not model.task.quantiles
    of_eval = evaluator.evaluate(eval_config(model), judged, beam_args=beam_args, stock=stock, is_stock_known=is_stock_known, others=others)
    results = load_results(model, Path(judged.evaluation.path), blessed=(Path(judged.blessing.path) / "BLESSED").exists())
    if of_eval is None:
        return replace(results, champion=_without_rows(champion))
    scores = {Split.EVAL: of_eval}
    if split_files(Path(judged.examples.path), Split.NEWEST):
        scores[Split.NEWEST] = _score_newest(model, judged, others)
    for split, one in scores.items():
        _require_scores(model, split, one)
    return _judge(model, judged, results, scores, champion)


def _network_of(champion: ChampionVersion | None) -> dict[str, Network]:
    if champion is None or champion.saved_model is None:
        return {}
    return {CHAMPION: load_network(champion.saved_model, parse_config(SERVED).model_specs[0])}


def _score_newest(model: Model, judged: Judged, others: Mapping[str, Network]) -> SplitScores:
    config = parse_config(eval_config(model))
    networks = {CANDIDATE: judged.network(config.model_specs[0]), **others}
    return score_split(config, Path(judged.examples.path), Split.NEWEST, networks)


def _require_scores(model: Model, split: Split, scores: SplitScores) -> None:
    fault = score_fault(scores.rows.scores[CANDIDATE], model.task) if scores.rows else None
    if fault:
        what = "predictions that are no numbers" if model.task.is_regression else "scores that are no probabilities"
        raise ModelFolderError(f"{model.folder / 'network.py'} gives {what}; on the {split} split {fault}")


def _judge(
    model: Model, judged: Judged, results: Results, scores: Mapping[Split, SplitScores], champion: ChampionVersion | None
) -> Results:
    found = {(split, name): _metrics(model, judged, split, name, one) for split, one in scores.items() for name in one.measurements}
    own = found[Split.EVAL, CANDIDATE]
    newest = found.get((Split.NEWEST, CANDIDATE), ())
    checks = list(results.checks)
    checks += [check_threshold(threshold, newest) for threshold in model.evaluation.thresholds if threshold.split == Split.NEWEST]
    changes, outcome = _against_champion(model, scores, found, champion)
    others = [SplitMetrics(split.value, None, found[split, CANDIDATE]) for split in scores if split != Split.EVAL]
    others.append(SplitMetrics(Split.TRAIN.value, None, _training_metrics(model, judged)))
    if champion is not None:
        others += [SplitMetrics(split.value, champion.number, found[split, CHAMPION]) for split in scores if (split, CHAMPION) in found]
    is_good = results.blessed and all(check.passed for check in checks)
    return replace(
        results,
        blessed=is_good and all(check.passed for check in changes),
        metrics=own,
        checks=(*checks, *changes),
        bands=_bands(model, scores[Split.EVAL]),
        others=tuple(one for one in others if one.metrics),
        champion=replace(outcome, is_better=is_good and not all(check.passed for check in changes)),
    )


def _bands(model: Model, scores: SplitScores) -> tuple[ResidualBand, ...]:
    if not model.task.is_regression or scores.rows is None:
        return ()
    return residual_bands(scores.rows.of(CANDIDATE, np.arange(len(scores.rows.labels))), scores.rows.keys, model.task)


def _metrics(model: Model, judged: Judged, split: Split, name: str, scores: SplitScores) -> tuple[Metric, ...]:
    """A version's metrics on a split, with intervals by key. TFMA's files of them lie in a folder of the evaluation's."""
    folder = Path(judged.evaluation.path)
    if (split, name) != (Split.EVAL, CANDIDATE):
        folder = folder / f"{name}-{split}"
        write_results(parse_config(eval_config(model)), scores.measurements[name], folder)
    return with_key_intervals(load_metrics(model, folder), scores.rows, name, model.task) if scores.rows else ()


def _training_metrics(model: Model, judged: Judged) -> tuple[Metric, ...]:
    """On all rows of the train split: far better ones than on the eval split are learned by heart."""
    config, folder = parse_config(overall_config(model)), Path(judged.evaluation.path) / f"{CANDIDATE}-{Split.TRAIN}"
    try:
        network = judged.network(config.model_specs[0])
        measurement = measure_split(config, Path(judged.examples.path), Split.TRAIN, network)
    except StockOnlyError as error:
        log.warning(f"the train split is not measured: only the stock Evaluator knows {error}")  # noqa: G004 - a plain log has no extras
        return ()
    write_results(config, measurement, folder)
    return load_metrics(model, folder)


def _without_rows(champion: ChampionVersion | None) -> ChampionResult:
    note = "Only the stock Evaluator knows what the rows or the configuration ask for, so that no champion was evaluated beside it."
    return ChampionResult(champion.number if champion else None, (note,))


def _against_champion(
    model: Model,
    scores: Mapping[Split, SplitScores],
    found: Mapping[tuple[Split, str], Sequence[Metric]],
    champion: ChampionVersion | None,
) -> tuple[tuple[Check, ...], ChampionResult]:
    """What the comparison with the champion comes to, and what is to be said of it."""
    if champion is None:
        return (), ChampionResult(None, ("There is no champion yet: the thresholds of model.toml alone decide.",))
    notes, fit = list(champion.notes), []
    if champion.saved_model is None:
        notes.append("The thresholds of model.toml alone decide.")
    for split, one in scores.items():
        why = champion.unfit.get(split) or (one.failures.get(CHAMPION) if champion.saved_model else "")
        if why:
            notes.append(f"Champion {champion.name} is not compared on {_rows_text(model, split)}: {why}.")
        elif CHAMPION in one.measurements and one.rows:
            fault = score_fault(one.rows.scores[CHAMPION], model.task)
            if fault:
                notes.append(f"Champion {champion.name} is not compared on {_rows_text(model, split)}: {fault}.")
            else:
                fit.append(MeasuredSplit(split=split, rows=one.rows, candidate=found[split, CANDIDATE], champion=found[split, CHAMPION]))
    changes = hold_against_champion(model, champion.number, fit)
    if champion.saved_model and not fit:
        notes.append("The thresholds of model.toml alone decide.")
    return changes, ChampionResult(champion.number, tuple(notes))


def _rows_text(model: Model, split: str) -> str:
    """The rows of a split, for a sentence."""
    if split != Split.NEWEST:
        return f"the {split} split"
    return "the newest span" if model.newest_spans == 1 else f"the {model.newest_spans} newest spans"


def refusal(model: Model, results: Results) -> str:
    """Why the model is not let through, in one sentence."""
    broken = [check for check in results.checks if not check.passed]
    if not broken:
        return f"blocked: TFMA refuses {model.name}, though it keeps every threshold of model.toml: read its validations.tfrecord"
    more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
    lost = [check for check in broken if check.baseline is not None]
    if len(lost) == len(broken):
        first = min(lost, key=lambda check: (bool(check.slice), check.split != Split.NEWEST))
        version = results.champion.version
        return (
            f"blocked: {first.metric} on {_where(model, first)} {_shown(first.value)}, champion version {version} has "
            f"{_shown(first.baseline)} on the same {count(first.rows or 0)} rows{more}: worse by more than chance ({first.note}, by "
            f"{model.rows.key}); it is kept as a candidate, and the champion stays"
        )
    first = next(check for check in broken if check.baseline is None)
    where = ",".join(f"{name}={value}" for name, value in first.slice.items()) or "all rows"
    of = "" if first.split == Split.EVAL else f" of {_rows_text(model, first.split)}"
    return (
        f"blocked: {first.metric} on {where}{of} is {_shown(first.value)}, model.toml of {model.name} wants {first.rule}{more}; "
        f"see the report for the slices, and mend data, features.py or network.py"
    )


def _where(model: Model, check: Check) -> str:
    slice_ = ",".join(f"{name}={value}" for name, value in check.slice.items())
    return f"{slice_} of {_rows_text(model, check.split)}" if slice_ else _rows_text(model, check.split)


def _shown(value: float | None) -> str:
    if value is None:
        return "not computed, the slice has no rows"
    return "undefined" if math.isnan(value) else f"{value:.4g}"
