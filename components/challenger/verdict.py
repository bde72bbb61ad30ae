"""Judge a challenger that served beside the live version, as a shadow or as a canary, by the labels that are known by now."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
from google.cloud import bigquery

from components.challenger.betting import Judgement, judge
from components.challenger.losses import losses_query
from components.cloud import Cloud
from components.errors import RegistryError, SourceError
from components.labels.log_query import LogQuery
from components.model.folder import Model
from components.policy.rollout import ChallengerVerdict
from components.registry.history import VersionStory
from components.storage.download_cache import pulled_code
from components.storage.manifest import CODE
from components.wording import count

ERRORS_OF_ALL = 4.0
"""An error of a regression of so many of the live version's root mean squared errors counts as wholly wrong, as larger ones do."""
AROUND_DAYS = 28
"""So long before and after its day a prediction may have been logged."""


@dataclass(frozen=True, kw_only=True)
class ServedRange:
    """Days of predictions, and until when labels are read."""

    target: str
    first: date
    last: date
    through: date


@dataclass(frozen=True, kw_only=True)
class ServedComparison:
    """How a challenger did against the live version on what was served."""

    judgement: Judgement
    settled: tuple[date, date]
    """The first and the last day that is judged: later ones are not settled yet."""
    rows: int
    """Of both versions together where they were asked apart."""
    is_paired: bool
    """Whether both were asked the same rows, as with a shadow. Of a canary each key is held against another one of the live version on the
    same day."""


def verdict_sentence(live: int, challenger: int, judged: Judgement) -> str:
    """What is known of a challenger, without a full stop."""
    match judged.verdict:
        case ChallengerVerdict.WORSE | ChallengerVerdict.BETTER:
            return f"version {challenger} is {judged.verdict} than version {live}"
        case ChallengerVerdict.AS_GOOD:
            return f"version {challenger} is as good as version {live}, if not better"
    more = f": about {count(judged.more_keys)} more keys are needed" if judged.more_keys else ", and too few keys to say how many it takes"
    return f"it is not yet known whether version {challenger} is better or worse than version {live}{more}"


def compare_served(cloud: Cloud, model: Model, live: VersionStory, challenger: VersionStory, days: ServedRange) -> ServedComparison:
    """Hold a challenger against the live version on the days that are settled.

    Raises:
        RegistryError: both are the same version, they predict other quantiles, or how wrong the live one usually is is not known.
        SourceError: no day is settled, the log has no such rows, or the query does not run.
        AccessError: BigQuery refuses or does not answer.
    """
    if live.number == challenger.number:
        raise RegistryError(f"version {live.number} is no challenger of itself: name two versions")
    query = LogQuery(cloud, _as_served(cloud, model, live, challenger), days.target, days.through)
    every = [days.first + timedelta(days=number) for number in range((days.last - days.first).days + 1)]
    settled = [day for day in every if query.is_mature(day)]
    if not settled:
        ripe = days.first + timedelta(days=model.rows.label_delay_days)
        raise SourceError(
            f"no day from {days.first} to {days.last} is settled by {days.through}: the labels of the first are due on {ripe}"
        )
    config = _settings(query, settled, live, challenger)
    pairs = query.ask(losses_query(query), config)
    is_paired = bool(pairs)
    if is_paired:
        losses = np.array([[row.live_loss, row.challenger_loss] for row in pairs], np.float64).T
    else:
        pairs = query.ask(losses_query(query, apart=True), config)
        losses = _matched(pairs, live.number, challenger.number)
    if not losses.shape[1]:
        raise SourceError(_nothing_to_compare(query, live, challenger, settled))
    return ServedComparison(
        judgement=judge(*losses),
        settled=(settled[0], settled[-1]),
        rows=sum(row.row_count for row in pairs),
        is_paired=is_paired,
    )


def _as_served(cloud: Cloud, model: Model, live: VersionStory, challenger: VersionStory) -> Model:
    """The model with the quantiles that both versions predict: model.toml may have others by now."""
    if not model.task.is_regression:
        return model
    own, others = (_own_quantiles(cloud, model, version) for version in (live, challenger))
    if own != others:
        meant = [f"version {version.number} predicts {_quantiles_text(of)}" for version, of in ((live, own), (challenger, others))]
        raise RegistryError(f"{' and '.join(meant)}, whose losses cannot be compared: compare versions of the same `quantiles`")
    return model.model_copy(update={"rows": model.rows.model_copy(update={"quantiles": own})})


def _own_quantiles(cloud: Cloud, model: Model, version: VersionStory) -> tuple[float, ...]:
    """Those of a version's own model.toml; today's of one that was pushed without it."""
    toml = CODE / "model.toml"
    if toml.as_posix() not in {entry.path for entry in version.manifest.entries}:
        return model.rows.quantiles
    rows: dict[str, Any] = tomllib.loads((pulled_code(cloud.storage, cloud.settings, version.manifest) / toml.name).read_text())["rows"]
    return tuple(rows.get("quantiles", ()))


def _quantiles_text(quantiles: Sequence[float]) -> str:
    return f"the quantiles {', '.join(f'{one:g}' for one in quantiles)}" if quantiles else "one number"


def _matched(rows: Sequence[bigquery.Row], live: int, challenger: int) -> np.ndarray:
    """Of each day each key of the version that has fewer beside one of the other, float64 [2, keys]; rows come in the order of their days.

    A key is a canary's by its hash, so that which keys of a day stand beside each other is chance, and a later day changes nothing of an
    earlier one. Keys of two days are never held against each other: a day may be harder than another for any version.
    """
    pairs: list[tuple[float, float]] = []
    for _, ones in groupby(rows, key=attrgetter("day")):
        of_day = list(ones)
        of_live, of_other = ([row.loss for row in of_day if row.version == version] for version in (live, challenger))
        pairs += zip(of_live, of_other, strict=False)  # as many as the version has that has fewer
    return np.array(pairs, np.float64).reshape(-1, 2).T


def _settings(query: LogQuery, days: Sequence[date], live: VersionStory, challenger: VersionStory) -> bigquery.QueryJobConfig:
    around = timedelta(days=AROUND_DAYS)
    config = query.settings(days, (days[0] - around, days[-1] + around))
    own = [
        bigquery.ScalarQueryParameter("live", "INT64", live.number),
        bigquery.ScalarQueryParameter("challenger", "INT64", challenger.number),
        bigquery.ScalarQueryParameter("whole_error", "FLOAT64", _whole_error(query.model, live)),
    ]
    config.query_parameters = [*config.query_parameters, *own]
    return config


def _whole_error(model: Model, live: VersionStory) -> float:
    """The error of a regression that counts as wholly wrong."""
    if not model.task.is_regression:
        return 1.0
    errors = (metric.value for metric in live.own_metrics if metric.name == "root_mean_squared_error" and not metric.slice)
    usual = next(errors, 0.0)
    if not usual > 0:
        raise RegistryError(f"how wrong version {live.number} usually is is not on record: compare with one that was evaluated")
    return ERRORS_OF_ALL * usual


def _nothing_to_compare(query: LogQuery, live: VersionStory, challenger: VersionStory, days: Sequence[date]) -> str:
    return (
        f"{query.log} has no rows with a label of both version {live.number} and version {challenger.number} of {query.model.name} "
        f"on {query.target} from {days[0]} to {days[-1]}: serve the challenger as a shadow or a canary (docs/serving.md)"
    )
