"""Make a new model from a table: look, guess, try the draft on the table, measure a baseline, write the folder."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from components.cloud import Cloud
from components.errors import SourceError
from components.examples.live import stream_any_rows
from components.model.folder import Model
from components.model.task import LearningTask
from components.schema.propose import propose, read_window, window_statistics
from components.schema.text import to_text
from pipelines.scaffold.baseline import Baseline, measure_baseline
from pipelines.scaffold.folder import SCHEMA, Draft, draft_model, require_new, write_files
from pipelines.scaffold.guess import Wish, draft_of
from pipelines.scaffold.objections import find_objections
from pipelines.scaffold.origin import origin_files
from pipelines.scaffold.start import read_start, require_probabilities, start_files, taking
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
    draft, files = draft_files(cloud, wish, progress=progress)
    confirm(draft)
    write_files({**files, **origin_files(wish, draft.table.days[-1], files), **start_files(wish.start)}, folder)
    return draft


def draft_files(cloud: Cloud, wish: Wish, *, progress: Callable[[str], None], through: date | None = None) -> tuple[Draft, dict[str, str]]:
    """The draft of a model, tried on the table's days up to `through`, and the texts of its files by name.

    Raises:
        SourceError: no model can be made from the table; the text says what to change.
        ModelFolderError: the folder of models cannot be written.
        AccessError: BigQuery refuses or does not answer.
    """
    progress(f"looking at {wish.table}")
    draft = draft_of(wish, look_at_table(cloud, wish.table, key=wish.key_columns, partition_field=wish.partition_field, through=through))
    draft = _with_start(draft, wish)
    progress(f"trying {len(draft.guess.features)} features, {len(draft.guess.left_out)} columns left out")
    if objections := _objections(cloud, draft, through):
        _refuse_needed(draft, objections)
        progress(f"leaving out what the gate would block for: {', '.join(objections)}")
        draft = draft.without(objections)
    with draft_model(draft, cloud.settings.models_folder) as model:
        schema, baseline, rows = _measured(cloud, model, through)
    if wish.start and draft.start and draft.start.is_saved and not draft.label.scale:
        require_probabilities(wish.start, draft.start, rows)
    draft = draft.measured(baseline)
    return draft, draft.render() | {SCHEMA: schema}


def _with_start(draft: Draft, wish: Wish) -> Draft:
    """The draft that begins with the model that was wished for."""
    if wish.start is None:
        return draft
    task = LearningTask(draft.label.task, draft.label.classes)
    start = read_start(wish.start, draft.guess, task, order=wish.inputs)
    return replace(draft, start=start, guess=taking(draft.guess, start))


def _refuse_needed(draft: Draft, objections: Mapping[str, str]) -> None:
    """Refuse to leave out what the model to begin with takes."""
    for feature in draft.guess.features if draft.start else ():
        if why := objections.get(feature.name) or objections.get(feature.column):
            raise SourceError(
                f"the model to begin with takes {feature.name!r}, and the gate would block for it, since {why}: mend the table first"
            )


def _objections(cloud: Cloud, draft: Draft, through: date | None) -> dict[str, str]:
    with draft_model(draft, cloud.settings.models_folder) as model, read_window(cloud.settings, model, through) as window:
        return find_objections(cloud, model, window.snapshot)


def _measured(cloud: Cloud, model: Model, through: date | None) -> tuple[str, Baseline, pa.Table]:
    """The schema that the draft's rows up to a day propose, the baseline on them, and those that have a label."""
    with read_window(cloud.settings, model, through) as window:
        proposal = propose(window_statistics(window.folder), label=model.rows.label, labels=model.task.whole_labels)
        batches = [rows for _, rows in stream_any_rows(cloud, model, window.snapshot.window, table=window.snapshot.snapshot_table)]
    for feature in proposal.schema.feature:
        if feature.HasField("domain") or feature.HasField("string_domain"):
            feature.distribution_constraints.min_domain_mass = DOMAIN_MASS
    spans = window.snapshot.spans
    heading = (f"What {window.rows:,} rows of spans {spans[0]} to {spans[-1]} have. Review it: the gate holds new rows to it.",)
    rows = pa.Table.from_batches(batches)
    rows = rows.filter(pc.is_valid(rows.column(model.rows.label)))
    return to_text(proposal, heading=heading), measure_baseline(rows, model), rows
