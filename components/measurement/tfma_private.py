"""Everything of TFMA that it keeps private, or that only its own pipeline calls, in one place, and the version that it is of.

A configuration becomes the statistics that its metrics follow from, and what these come to becomes the accumulators that TFMA would have
made row by row. All formulas stay TFMA's. test_measurement.py fails when a name goes or the version changes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from components.measurement.regression_sums import Errors, QuantileCosts, Residuals
from components.measurement.slices import SliceKey
from components.measurement.sums import ClassMatrix, Count, Histogram, Matrices, Part, Statistic, StockOnlyError, Totals

VERSION = "0.52.0"
Metrics = dict[Any, Any]
"""By TFMA's MetricKey, PlotKey or AttributionsKey."""
KNOWN_MODEL = {"label_key", "prediction_key", "signature_name", "example_weight_key"}
KNOWN_CONFIG = {"model_specs", "slicing_specs", "metrics_specs", "options"}


@dataclass(frozen=True)
class Plan:
    """What an EvalConfig asks for: combiners, the statistics that stand for them, and what TFMA derives of the results."""

    combiners: tuple[Any, ...]
    derived: tuple[Any, ...]

    @cached_property
    def statistics(self) -> tuple[Statistic, ...]:
        """One for each combiner."""
        return tuple(_statistic(combiner) for combiner in self.combiners)

    @property
    def quantiles(self) -> int:
        """How many quantiles of a number a model has to give; 0 if it gives no quantiles."""
        return max((len(one.quantiles) for one in self.statistics if isinstance(one, QuantileCosts)), default=0)

    def metrics(self, sums: Sequence[np.ndarray], outputs: int) -> Metrics:
        """All metrics and plots of one slice, from the cells of each statistic, but for those that TFMA keeps to itself."""
        from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator as evaluator

        found: Metrics = {}
        for combiner, cells in zip(self.combiners, sums, strict=True):
            found |= combiner.extract_output(_KINDS[type(combiner).__name__].accumulator(combiner, cells, outputs))
        for computation in self.derived:
            found |= computation.result(found)
        return {key: value for key, value in found.items() if not evaluator._is_private_metrics(key)}  # noqa: SLF001


def plan(config: Any) -> Plan:
    """What an EvalConfig, completed with TFMA's defaults, asks for.

    Raises:
        StockOnlyError: it asks for something that only the stock Evaluator knows.
    """
    from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator as evaluator
    from tensorflow_model_analysis.metrics import metric_specs, metric_types

    _refuse_unknown(config)
    found = evaluator._filter_and_separate_computations(  # noqa: SLF001
        metric_specs.to_computations(config.metrics_specs, eval_config=config)
    )
    if found.cross_slice_computations or found.ci_derived_computations:
        raise StockOnlyError("metrics across slices, or of intervals")
    for computation in found.non_derived_computations:
        for preprocessor in computation.preprocessors or ():
            if type(preprocessor) is not metric_types.StandardMetricInputsPreprocessor:
                raise StockOnlyError(f"the preprocessor {type(preprocessor).__name__}")
    result = Plan(tuple(one.combiner for one in found.non_derived_computations), tuple(found.derived_computations))
    _ = result.statistics  # all are known
    return result


def _refuse_unknown(config: Any) -> None:
    if len(config.model_specs) != 1:
        raise StockOnlyError(f"{len(config.model_specs)} models")
    unknown = {field.name for field, _ in config.ListFields()} - KNOWN_CONFIG
    unknown |= {field.name for field, _ in config.model_specs[0].ListFields()} - KNOWN_MODEL
    unknown |= {name for spec in config.metrics_specs for name in ("query_key", "output_names", "output_weights") if getattr(spec, name)}
    unknown |= {name for spec in config.slicing_specs for name in ("feature_values", "slice_keys_sql") if getattr(spec, name)}
    options = config.options
    unknown |= {field.name for field, value in options.ListFields() if not _has_no_effect(field.name, value)}
    if unknown:
        raise StockOnlyError(f"{', '.join(sorted(unknown))} in the configuration")


def _has_no_effect(option: str, value: Any) -> bool:
    match option:
        case "include_default_metrics":  # of Keras 2; a SavedModel has none
            return True
        case "min_slice_size":
            return bool(value.value <= 1)
        case "compute_confidence_intervals":
            return not value.value
        case _:
            return False


def _statistic(combiner: Any) -> Statistic:
    kind = _KINDS.get(type(combiner).__name__)
    if kind is None:
        raise StockOnlyError(f"the combiner {type(combiner).__name__}")
    return kind.statistic(combiner)


def _part(combiner: Any) -> Part:
    key, sub_key = combiner._key, combiner._key.sub_key  # noqa: SLF001
    of_class = None if sub_key is None else sub_key.class_id
    is_plain = sub_key is None or (of_class is not None and sub_key.k is None and sub_key.top_k is None)
    if not is_plain or combiner._aggregation_type or combiner._class_weights or key.model_name or key.output_name:  # noqa: SLF001
        raise StockOnlyError(f"averages over classes, or the part {sub_key} of the outputs")
    return Part(of_class, bool(combiner._example_weighted))  # noqa: SLF001


def _refuse_other_labels(combiner: Any) -> None:
    from tensorflow_model_analysis.metrics import metric_util

    if combiner._extract_label_prediction_and_weight is not metric_util.to_label_prediction_example_weight:  # noqa: SLF001
        raise StockOnlyError("labels and predictions that are taken from features")


def _count(combiner: Any) -> Count:
    return Count(bool(combiner._example_weighted))  # noqa: SLF001


def _totals(combiner: Any) -> Totals:
    return Totals(_part(combiner))


def _histogram(combiner: Any) -> Histogram:
    if not combiner._prediction_based_bucketing:  # noqa: SLF001
        raise StockOnlyError("buckets of labels")
    return Histogram(_part(combiner), combiner._num_buckets, combiner._left, combiner._range)  # noqa: SLF001


def _matrices(combiner: Any) -> Matrices:
    _refuse_other_labels(combiner)
    if combiner._example_id_key or not combiner._enable_fractional_labels:  # noqa: SLF001
        raise StockOnlyError("ids of examples, or thresholds of labels")
    return Matrices(_part(combiner), tuple(combiner._binary_confusion_matrices._thresholds))  # noqa: SLF001


def _class_matrix(combiner: Any) -> ClassMatrix:
    _refuse_other_labels(combiner)
    if len(combiner._thresholds) != 1 or combiner._key.model_name or combiner._key.output_name:  # noqa: SLF001
        raise StockOnlyError("confusion matrices of classes at several thresholds")
    return ClassMatrix(float(combiner._thresholds[0]), bool(combiner._example_weighted))  # noqa: SLF001


def _errors(combiner: Any) -> Errors:
    key = combiner._metric_key  # noqa: SLF001
    if key.sub_key or key.model_name or key.output_name or combiner._aggregation_type or combiner._class_weights:  # noqa: SLF001
        raise StockOnlyError(f"errors of the part {key} of the outputs")
    return Errors(type(combiner).__name__ == "_MeanSquaredErrorCombiner", bool(combiner._example_weighted))  # noqa: SLF001


def _residuals(combiner: Any) -> Residuals:
    return Residuals(bool(combiner.key.example_weighted))


def _quantile_costs(combiner: Any) -> QuantileCosts:
    return QuantileCosts(tuple(combiner.quantiles), combiner.place, combiner.is_share, bool(combiner.key.example_weighted))


def _counted(combiner: Any, cells: np.ndarray, outputs: int) -> float:  # noqa: ARG001
    return float(cells[0])


def _totalled(combiner: Any, cells: np.ndarray, outputs: int) -> Any:  # noqa: ARG001
    found = combiner.create_accumulator()
    found.total_weighted_labels, found.total_weighted_predictions, found.total_weighted_examples = cells.tolist()
    return found


def _mean_error(combiner: Any, cells: np.ndarray, outputs: int) -> Any:  # noqa: ARG001
    found = combiner.create_accumulator()
    found.total_regression_error, found.total_example_weights = cells.tolist()
    return found


def _as_they_are(combiner: Any, cells: np.ndarray, outputs: int) -> Any:  # noqa: ARG001
    return cells.tolist()


def _in_buckets(combiner: Any, cells: np.ndarray, outputs: int) -> dict[int, Any]:  # noqa: ARG001
    from tensorflow_model_analysis.metrics.calibration_histogram import Bucket

    totals = cells.reshape(3, -1)
    filled = np.flatnonzero(totals.any(axis=0))
    return {number: Bucket(number, *values) for number, *values in zip(filled.tolist(), *totals[:, filled].tolist(), strict=True)}


def _at_thresholds(combiner: Any, cells: np.ndarray, outputs: int) -> dict[float, Any]:  # noqa: ARG001
    from tensorflow_model_analysis.contrib.aggregates.binary_confusion_matrices import Matrix, _ThresholdEntry

    thresholds, counts = combiner._binary_confusion_matrices._thresholds, cells.reshape(-1, 4).tolist()  # noqa: SLF001
    return {
        threshold: _ThresholdEntry(Matrix(tp=tp, tn=tn, fp=fp, fn=fn), [], [], [], [])
        for threshold, (tn, fp, fn, tp) in zip(thresholds, counts, strict=True)
    }


def _by_class(combiner: Any, cells: np.ndarray, outputs: int) -> Any:
    from tensorflow_model_analysis.metrics.multi_class_confusion_matrix_metrics import NO_PREDICTED_CLASS_ID, MatrixEntryKey

    matrix, found = cells.reshape(outputs, outputs + 1), combiner.create_accumulator()
    (threshold,) = combiner._thresholds  # noqa: SLF001
    found[threshold] = {
        MatrixEntryKey(actual, NO_PREDICTED_CLASS_ID if predicted == outputs else predicted): float(matrix[actual, predicted])
        for actual, predicted in np.argwhere(matrix).tolist()
    }
    return found


@dataclass(frozen=True)
class _Kind:
    """A class of TFMA's combiners."""

    statistic: Callable[[Any], Statistic]
    """What stands for one."""
    accumulator: Callable[[Any, np.ndarray, int], Any]
    """What one would have accumulated, from the cells of its statistic and the number of outputs."""


_KINDS = {
    "_ExampleCountCombiner": _Kind(_count, _counted),
    "_WeightedLabelsPredictionsExamplesCombiner": _Kind(_totals, _totalled),
    "_CalibrationHistogramCombiner": _Kind(_histogram, _in_buckets),
    "_BinaryConfusionMatrixCombiner": _Kind(_matrices, _at_thresholds),
    "_MultiClassConfusionMatrixCombiner": _Kind(_class_matrix, _by_class),
    "_MeanSquaredErrorCombiner": _Kind(_errors, _mean_error),
    "_MeanAbsoluteErrorCombiner": _Kind(_errors, _mean_error),
    "RSquaredCombiner": _Kind(_residuals, _as_they_are),
    "QuantileCombiner": _Kind(_quantile_costs, _as_they_are),
}


def protos(config: Any, measured: Iterable[tuple[SliceKey, Metrics]]) -> dict[str, list[Any]]:
    """What TFMA writes of the slices: `metrics`, `plots` and `attributions`, a proto for each slice, and the one of `validations`."""
    from tensorflow_model_analysis.evaluators.metrics_plots_and_validations_evaluator import _filter_by_key_type
    from tensorflow_model_analysis.evaluators.metrics_validator import validate_metrics
    from tensorflow_model_analysis.metrics.metric_types import AttributionsKey, MetricKey, PlotKey
    from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

    metrics, plots, attributions = ([_filter_by_key_type(one, kind) for one in measured] for kind in (MetricKey, PlotKey, AttributionsKey))
    combine = writer.CombineValidations(config)
    validations = combine.create_accumulator()
    for one in metrics:
        validations = combine.add_input(validations, validate_metrics(one, config))
    return {
        "metrics": [writer.convert_slice_metrics_to_proto(one, []) for one in metrics],
        "plots": [writer.convert_slice_plots_to_proto(one, []) for one in plots],
        "attributions": [writer.convert_slice_attributions_to_proto(one) for one in attributions],
        "validations": [combine.extract_output(validations)],
    }
