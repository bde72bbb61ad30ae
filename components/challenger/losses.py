"""What versions lost on the rows that they were asked: the queries of it, which the log's table and the known labels answer."""

from collections.abc import Sequence
from pathlib import Path

from components.labels.log_query import LogQuery
from components.model.task import TaskName

FOLDER = Path(__file__).parent
LOSSES = {
    TaskName.BINARY: "LEAST(POW(log.score - labels.label, 2), 1)",
    TaskName.CLASSES: (
        "(1 - 2 * log.class_scores[SAFE_OFFSET(labels.label)] + (SELECT SUM(one * one) FROM UNNEST(log.class_scores) AS one)) / 2"
    ),
    TaskName.REGRESSION: "LEAST(ABS(log.score - labels.label) / @whole_error, 1)",
}
"""What a row loses, between 0 and 1: the Brier score, that of several classes, or the error. A score that is no number loses 1."""


def losses_query(query: LogQuery, *, apart: bool = False) -> str:
    """The losses of two versions by key: on the rows that both were asked, or else of each on the keys that it alone was asked about."""
    model = query.model
    broken = "IS_NAN(log.score) OR IS_INF(log.score)"
    if model.score_count > 1:
        broken = "EXISTS(SELECT 1 FROM UNNEST(log.class_scores) AS one WHERE IS_NAN(one) OR IS_INF(one))"
    loss = f"IF({broken}, 1.0, {_pinball(model.rows.quantiles) or LOSSES[model.task_name]})"
    parts = ("scored.sql", "apart_losses.sql" if apart else "losses.sql")
    return query.formatted("".join((FOLDER / part).read_text() for part in parts), loss=loss)


def _pinball(quantiles: Sequence[float]) -> str:
    """The mean loss over several quantiles; nothing where one number is predicted, whose error it is half of."""
    if len(quantiles) < 2:
        return ""
    short = [f"(labels.label - log.class_scores[SAFE_OFFSET({place})])" for place in range(len(quantiles))]
    each = [f"GREATEST({one} * {by}, ({one} - 1) * {by})" for one, by in zip(quantiles, short, strict=True)]
    return f"LEAST(2 * ({' + '.join(each)}) / {len(quantiles)} / @whole_error, 1)"
