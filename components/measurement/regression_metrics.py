"""Metrics of numbers that TFMA lacks, made as it wants metrics of one's own: an EvalConfig names them by this module.

Only TFMA imports it, by name; so TFMA is imported here at the top.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util

from components.measurement.regression_sums import QuantileCosts
from components.measurement.sums import ScoredRows
from components.model.metric_names import R_SQUARED, ROOT_MEAN_SQUARED_ERROR


class RootMeanSquaredError(metric_types.Metric):  # type: ignore[misc] # has no types
    """The root of TFMA's mean squared error."""

    def __init__(self, name: str = ROOT_MEAN_SQUARED_ERROR) -> None:
        super().__init__(metric_util.merge_per_key_computations(_root), name=name)


def _root(name: str, eval_config: Any = None, model_name: str = "", output_name: str = "", example_weighted: bool = False) -> list[Any]:
    squared = tfma.metrics.MeanSquaredError().computations(
        eval_config=eval_config, model_names=[model_name], output_names=[output_name], example_weighted=example_weighted
    )
    of = squared[-1].keys[-1]
    key = metric_types.MetricKey(name=name, model_name=model_name, output_name=output_name, example_weighted=example_weighted)

    def result(metrics: dict[Any, Any]) -> dict[Any, Any]:
        return {key: math.sqrt(metrics[of])}

    return [*squared, metric_types.DerivedMetricComputation(keys=[key], result=result)]


class RSquared(metric_types.Metric):  # type: ignore[misc]
    """The coefficient of determination: how much smaller squared errors are than those of the mean label; NaN where labels are alike."""

    def __init__(self, name: str = R_SQUARED) -> None:
        super().__init__(metric_util.merge_per_key_computations(_r_squared), name=name)


def _r_squared(
    name: str, eval_config: Any = None, model_name: str = "", output_name: str = "", example_weighted: bool = False
) -> list[Any]:
    key = metric_types.MetricKey(name=name, model_name=model_name, output_name=output_name, example_weighted=example_weighted)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=RSquaredCombiner(key, eval_config))]


class _Sums(beam.CombineFn):  # type: ignore[misc]
    """Sums over rows, of which a metric is made."""

    width: int
    """How many there are."""

    def __init__(self, key: Any, eval_config: Any) -> None:
        self.key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> list[float]:
        """The sums of no rows."""
        return [0.0] * self.width

    def rows(self, element: Any, **shape: bool) -> Iterable[tuple[Any, Any, Any]]:
        """Labels, predictions and weights of what TFMA hands over, in the shape that its own function is asked for."""
        found: Iterable[tuple[Any, Any, Any]] = metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=self.key.model_name,
            output_name=self.key.output_name,
            example_weighted=self.key.example_weighted,
            **shape,
        )
        return found

    def merge_accumulators(self, accumulators: Iterable[list[float]]) -> list[float]:
        """The sums of all."""
        return [sum(values) for values in zip(*accumulators, strict=True)]


class RSquaredCombiner(_Sums):
    """Adds up weights, labels, squared labels and squared errors."""

    width = 4

    def add_input(self, accumulator: list[float], element: Any) -> list[float]:
        """The sums with a row more."""
        for label, prediction, weight in self.rows(element):
            truth, error = float(label.item()), float(label.item()) - float(prediction.item())
            for place, value in enumerate((1.0, truth, truth * truth, error * error)):
                accumulator[place] += value * float(weight.item())
        return accumulator

    def extract_output(self, accumulator: list[float]) -> dict[Any, float]:
        """The metric by its key."""
        weight, labels, squared_labels, squared_errors = accumulator
        spread = squared_labels - labels**2 / weight if weight > 0 else 0.0
        is_known = spread > SAME * squared_labels
        return {self.key: 1 - squared_errors / spread if is_known else math.nan}


class OfQuantiles(metric_types.Metric):  # type: ignore[misc]
    """The pinball loss of predicted quantiles, or the share of labels that one of them covers."""

    def __init__(self, name: str, quantiles: Sequence[float], place: int | None = None, *, is_share: bool = False) -> None:
        """A metric by its name.

        Args:
            name: its own.
            quantiles: those that the model gives.
            place: of the one that is meant; None is the mean over all of them.
            is_share: whether it is the share that is covered.
        """
        computations = metric_util.merge_per_key_computations(_of_quantiles)
        super().__init__(computations, name=name, quantiles=list(quantiles), place=place, is_share=is_share)


def _of_quantiles(
    name: str,
    quantiles: Sequence[float],
    place: int | None,
    is_share: bool,
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> list[Any]:
    key = metric_types.MetricKey(name=name, model_name=model_name, output_name=output_name, example_weighted=example_weighted)
    combiner = QuantileCombiner(key, eval_config, quantiles, place, is_share=is_share)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)]


class QuantileCombiner(_Sums):
    """Adds up what rows cost, and weights. components/measurement/regression_sums.py says what a row costs."""

    width = 2

    def __init__(self, key: Any, eval_config: Any, quantiles: Sequence[float], place: int | None, *, is_share: bool) -> None:
        super().__init__(key, eval_config)
        self.quantiles, self.place, self.is_share = quantiles, place, is_share
        self._costs = QuantileCosts(tuple(quantiles), place, is_share, is_weighted=True)

    def add_input(self, accumulator: list[float], element: Any) -> list[float]:
        """The sums with a row more."""
        for label, predicted, weight in self.rows(element, flatten=False, squeeze=False):
            scores = predicted.reshape(1, -1)
            one = ScoredRows(label.reshape(-1), scores, weight.reshape(-1), {}, quantiles=scores)
            for cells, values in self._costs.additions(one):
                accumulator[cells[0]] += values[0]
        return accumulator

    def extract_output(self, accumulator: list[float]) -> dict[Any, float]:
        """The metric by its key."""
        costs, weight = accumulator
        return {self.key: costs / weight if weight > 0 else math.nan}


SAME = 1e-12
"""Labels whose squares are further than this from their mean's, as a share, are not all alike: less is what rounding leaves."""
