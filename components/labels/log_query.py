"""Queries of the log, which join what was logged with the labels that are known by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from google.cloud import bigquery

from components.cloud import Cloud
from components.google import quoted
from components.model.folder import LABEL_FILE, Model
from components.model.source_text import SOURCE
from components.prediction_log.table import DATASET, DAY, REFUSED, feature_field
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.columns import read_features
from components.snapshot.window import span_history_start

FOLDER = Path(__file__).parent


def feature_fields(model: Model, log_day: str) -> dict[str, str]:
    """The columns of a log with what a model's rows are made of, by the names of these in source.sql."""
    return {name: feature_field(name, log_day) for name in read_features(model) if name != model.rows.label}


@dataclass(frozen=True)
class LogQuery:
    """Asks the log of a model on a target, with the labels of the source table as it is now."""

    cloud: Cloud
    model: Model
    target: str
    through: date
    """The last day whose predictions and partitions are read."""

    @property
    def log(self) -> str:
        """PROJECT.DATASET.TABLE."""
        return f"{self.cloud.settings.project}.{self.model.serving.log or f'{DATASET}.{self.model.name}'}"

    @property
    def log_day(self) -> str:
        """The column by which the log is partitioned."""
        return self.model.serving.log_partition_field or DAY

    def text(self, file: Path) -> str:
        """The query of a file for this model."""
        return self.formatted(file.read_text())

    def ask(self, text: str, config: bigquery.QueryJobConfig) -> list[bigquery.Row]:
        """The rows of a query of the log.

        Raises:
            SourceError: there is no log, or the query does not run on it.
            AccessError: BigQuery refuses or does not answer.
        """
        name = self.model.name
        remedy = f"serve {name} first (`perennial serve`), and correct label.sql if it is to blame"
        with bigquery_errors(self.cloud.settings, f"the predictions of {name} in {self.log}", remedy=remedy):
            return list(self.cloud.warehouse.query(text, config).result(timeout=3600))

    def formatted(self, text: str, **others: str) -> str:
        """A query for this model, of a text with names in braces: those of log and labels, and others."""
        rows = self.model.rows
        names = {
            "log": quoted(self.log),
            "refused_log": quoted(f"{self.log}_{REFUSED}"),
            "log_day": f"`{self.log_day}`",
            "labels": self._labels,
        }
        columns = {"key": f"`{rows.key}`", "span": f"`{rows.span}`", "label": f"`{rows.label}`"}
        kinds = {"label_type": "INT64", "is_label": f"{columns['label']} BETWEEN 0 AND @most_label"}
        if self.model.task.is_regression:
            kinds = {"label_type": "FLOAT64", "is_label": f"NOT (IS_NAN({columns['label']}) OR IS_INF({columns['label']}))"}
        known_labels = (FOLDER / "known_labels.sql").read_text().format(**names, **columns, **kinds)
        return text.format(**names, **columns, **others, known_labels=known_labels)

    @property
    def _labels(self) -> str:
        """What gives a label by key and span: label.sql, or else source.sql, which does not know when a label is mature."""
        text = self.model.text(LABEL_FILE if self.model.has_label_query else "source.sql")
        return text.replace(SOURCE, quoted(f"{self.cloud.settings.project}.{self.model.source.table}"))

    def settings(self, days: Sequence[date] = (), logged: tuple[date, date] | None = None) -> bigquery.QueryJobConfig:
        """The parameters of a query about days of predictions; `logged` are the first and the last partition of the log that have them."""
        known = [day for day in days if self.model.has_label_query or self.is_mature(day)]
        first = min((span_history_start(self.model, day) for day in known), default=self.through)
        return bigquery.QueryJobConfig(
            query_parameters=[
                bigquery.ScalarQueryParameter("model", "STRING", self.model.name),
                bigquery.ScalarQueryParameter("target", "STRING", self.target),
                bigquery.ArrayQueryParameter("days", "DATE", list(days)),
                bigquery.ArrayQueryParameter("spans", "DATE", known),
                bigquery.ScalarQueryParameter("first_logged", "DATE", logged[0] if logged else None),
                bigquery.ScalarQueryParameter("last_logged", "DATE", logged[1] if logged else None),
                bigquery.ScalarQueryParameter("first_partition", "DATE", first),
                bigquery.ScalarQueryParameter("last_partition", "DATE", self.through),
                bigquery.ScalarQueryParameter("most_label", "INT64", self.model.task.whole_labels - 1),
            ],
            maximum_bytes_billed=self.cloud.settings.maximum_bytes_billed,
        )

    def is_mature(self, day: date) -> bool:
        """Whether the label delay of a day has passed."""
        return day + timedelta(days=self.model.rows.label_delay_days) <= self.through
