"""The commands that make a model's folder from a table, and merge newer templates into it."""

import getpass
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from components.cloud import Cloud
from components.stderr import stderr_to
from components.storage.objects import require_model_name
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.json_text import to_json
from pipelines.cli.options import as_json, ready_settings
from pipelines.scaffold.folder import Draft
from pipelines.scaffold.guess import Wish
from pipelines.scaffold.make import make_model
from pipelines.scaffold.upgrade import Merge, upgrade_model


@click.command()
@click.argument("model")
@click.option("--table", prompt="Table (DATASET.TABLE)", help="DATASET.TABLE, partitioned by day, hour or month on a column.")
@click.option(
    "--key", prompt="Key (a column that is unique within a day)", help="The column that names a row, or several, A,B: unique within a day."
)
@click.option(
    "--label", prompt="Label (the column to predict)", help="The column to predict: yes or no, one of up to 20 values, or a number."
)
@click.option("--partition-field", help="The column that the table is partitioned on. Default: found out.")
@click.option("--title", help="What the model answers, in one line. Default: made from the label.")
@click.option("--owner", help="Who is responsible for the model. Default: your user name.")
@click.option("--from-keras", "keras", type=click.Path(resolve_path=True), help="A .keras file of a model to begin with.")
@click.option("--from-savedmodel", "saved_model", type=click.Path(resolve_path=True), help="The folder of a SavedModel to score with.")
@click.option("--inputs", default="", metavar="A,B,…", help="The features in the order of that model's input, if it has one without names.")
@click.option("--yes", is_flag=True, help="Write the folder without a question.")
@as_json
def new(
    model: str,
    table: str,
    key: str,
    label: str,
    partition_field: str | None,
    title: str | None,
    owner: str | None,
    keras: str | None,
    saved_model: str | None,
    inputs: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Make the folder of a new MODEL from a table: guess the features, try them on the rows, measure a threshold.

    What is written trains as it is. Every file may be changed.
    """
    if keras and saved_model:
        raise click.UsageError("--from-keras and --from-savedmodel are two models to begin with: give one")
    settings = ready_settings()
    wish = Wish(
        name=require_model_name(model),
        table=table,
        key=key,
        label=label,
        partition_field=partition_field,
        title=title or f"What is {label} of a row of {table}?",
        owner=owner or getpass.getuser(),
        keras=keras,
        saved_model=saved_model,
        inputs=tuple(name.strip() for name in inputs.split(",") if name.strip()),
    )
    folder = settings.models_folder / model
    with tempfile.TemporaryDirectory() as log_folder, stderr_to(Path(log_folder) / "log") as terminal:
        draft = make_model(Cloud(settings), wish, progress=_progress(terminal), confirm=_confirm(as_json=as_json, yes=yes))
    if as_json:
        click.echo(to_json({"model": model, "folder": str(folder), **_facts(draft)}))
    else:
        click.echo(f"\n{folder}: written\n  next        perennial train {model}{_through(draft)}")


def _through(draft: Draft) -> str:
    day = draft.table.last_whole
    return f" --through {day}  # {draft.table.days[-1]} is not whole yet" if day else ""


def _confirm(*, as_json: bool, yes: bool) -> Callable[[Draft], None]:
    """Show the draft, and ask whether to write it, where a person can answer."""

    def confirm(draft: Draft) -> None:
        if not as_json:
            _show(draft)
            if sys.stdin.isatty() and not yes:
                click.confirm("Write the folder?", default=True, abort=True)

    return confirm


@click.command()
@click.argument("model")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@as_json
def upgrade(model: str, dry_run: bool, as_json: bool) -> None:
    """Merge what `perennial new` writes today into the folder of MODEL that it made before. Edits of your own stay.

    The exit code is 3 if both sides changed the same lines: the files have both then, between <<<<<<< and >>>>>>>.
    """
    settings = ready_settings()
    folder = settings.models_folder / require_model_name(model)
    with tempfile.TemporaryDirectory() as log_folder, stderr_to(Path(log_folder) / "log") as terminal:
        merged = upgrade_model(Cloud(settings), model, progress=_progress(terminal), dry_run=dry_run)
    conflicts = [one.name for one in merged if one.outcome is Merge.CONFLICT]
    if as_json:
        click.echo(to_json({"folder": str(folder), "dry_run": dry_run, "files": {one.name: one.outcome for one in merged}}))
    else:
        for one in merged:
            click.echo(f"  {one.name:<12}  {one.outcome}")
        if conflicts:
            click.echo(f"\n{folder}: {'would have' if dry_run else 'has'} conflicts in {', '.join(conflicts)}: choose between the sides")
        elif any(one.outcome in (Merge.UPGRADED, Merge.ADDED) for one in merged) and not dry_run:
            click.echo(f"\n{folder}: upgraded\n  next        perennial train {model}")
    click.get_current_context().exit(ExitCode.DIFFERS if conflicts else ExitCode.DONE)


def _progress(terminal: object) -> Callable[[str], None]:
    return lambda sentence: click.echo(f"  … {sentence}", file=terminal)  # type: ignore[arg-type]


def _facts(draft: Draft) -> dict[str, object]:
    return {
        "spans": draft.plan.spans,
        "every_days": draft.plan.every_days,
        "label_delay_days": draft.label.delay_days,
        "cluster": draft.cluster,
        "task": draft.label.task,
        "classes": list(draft.label.classes),
        "features": [feature.name for feature in draft.guess.features],
        "left_out": dict(draft.guess.left_out),
        "baseline": vars(draft.baseline) if draft.baseline else None,
        "threshold": draft.threshold,
    }


def _show(draft: Draft) -> None:
    """Print what was guessed."""
    click.echo(f"  rows        {draft.table.rows.num_rows:,} looked at, {draft.table.days[0]} to {draft.table.days[-1]}")
    click.echo(f"  span        {draft.plan.span}; a run trains on {draft.plan.spans}")
    click.echo(f"  key         {', '.join(draft.key)}")
    if draft.cluster:
        click.echo(f"  cluster     {draft.cluster}: rows of a day that share its value belong together")
    click.echo(f"  label       {draft.label_column}: {draft.label.meaning}; known after {draft.label.delay_days} days")
    click.echo(f"  features    {', '.join(feature.name for feature in draft.guess.features)}")
    for column, why in draft.guess.left_out.items():
        click.echo(f"  left out    {column}: {why}")
    if baseline := draft.baseline:
        click.echo(
            f"  threshold   {baseline.metric} at least {draft.threshold:.3f}: a linear model has {baseline.value:.3f} "
            f"({baseline.low:.3f} to {baseline.high:.3f}) on the {baseline.rows:,} rows of other keys"
        )
