"""Make a new model from a table: look, guess, try the draft on the table, measure a baseline, write the folder."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from components.cloud import Cloud
from components.examples.live import stream_any_rows
from components.model.folder import Model
from components.schema.propose import propose, read_window, window_statistics
from components.schema.text import to_text
from pipelines.scaffold.baseline import Baseline, measure_baseline
from pipelines.scaffold.folder import SCHEMA, Draft, draft_model, require_new, write_files
from pipelines.scaffold.guess import Wish, draft_of
from pipelines.scaffold.table import look_at_table

DOMAIN_MASS = 0.9
"""The share of a category's rows that must have one of the values that were seen: new values come."""


def make_model(cloud: Cloud, wish: Wish, *, progress: Callable[[str], None], confirm: Callable[[Draft], None]) -> Draft:
    """Write the folder of a new model, which can be trained as it is. `confirm` is shown the draft before, and may raise.

    Raises:
        SourceError: no model can be made from the table; the text says what to change.
        ModelFolderError: the folder exists already, or cannot be written.
        AccessError: BigQuery refuses or does not answer.
    """
    folder = cloud.settings.models_folder / wish.name
    require_new(folder)
    progress(f"looking at {wish.table}")
    draft = draft_of(wish, look_at_table(cloud, wish.table, key=wish.key, partition_field=wish.partition_field))
    progress(f"trying {len(draft.guess.features)} features, {len(draft.guess.left_out)} columns left out")
    with draft_model(draft, cloud.settings.models_folder) as model:
        schema, baseline = _try(cloud, model)
    draft = draft.measured(baseline)
    confirm(draft)
    write_files(draft.render() | {SCHEMA: schema}, folder)
    return draft


def _try(cloud: Cloud, model: Model) -> tuple[str, Baseline]:
    """The schema that the draft's rows propose, and the baseline on them."""
    with read_window(cloud.settings, model, None) as window:
        proposal = propose(window_statistics(window.folder), label=model.rows.label, labels=model.task.whole_labels)
        batches = [rows for _, rows in stream_any_rows(cloud, model, window.snapshot.window, table=window.snapshot.snapshot_table)]
    for feature in proposal.schema.feature:
        if feature.HasField("domain") or feature.HasField("string_domain"):
            feature.distribution_constraints.min_domain_mass = DOMAIN_MASS
    spans = window.snapshot.spans
    heading = (f"What {window.rows:,} rows of spans {spans[0]} to {spans[-1]} have. Review it: the gate holds new rows to it.",)
    rows = pa.Table.from_batches(batches)
    rows = rows.filter(pc.is_valid(rows.column(model.rows.label)))
    return to_text(proposal, heading=heading), _baseline(rows, model)


def _baseline(rows: pa.Table, model: Model) -> Baseline:
    columns = model.rows
    return measure_baseline(rows, key=columns.key, span=columns.span, label=columns.label, is_number=model.task.is_regression)
