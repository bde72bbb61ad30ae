"""What the command line shows of a comparison of two versions, or of two windows of data."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
import numpy as np

from components.comparison.columns import ColumnDifference
from components.comparison.compare import DataComparison, Difference
from components.comparison.days import Windows
from components.comparison.sentences import added_and_vanished, culprit, how, sentence, subject
from components.diagnosis.metrics import MetricDifference, Significance
from components.diagnosis.versions import VersionComparison
from components.profiles.profile import ColumnProfile
from components.wording import legible, percent, score, slice_text

SHOWN_DIFFERENCES = 12
SHOWN_METRICS = 12
SHOWN_FACTS = 12
SHOWN_DAYS = 4
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def show_data(comparison: DataComparison, notes: Sequence[str]) -> None:
    """Print the comparison of two windows."""
    click.echo(culprit(comparison))
    click.echo(f"\n{comparison.before} → {comparison.after}")
    _show_differences(comparison, notes)


def show_versions(comparison: VersionComparison) -> None:
    """Print the comparison of two versions, below the culprit."""
    click.echo(f"\n{comparison.model}: {comparison.before.name} → {comparison.after.name}")
    _show_differences(comparison.data, comparison.notes)
    _show_metrics(comparison.metrics)
    _show_code(comparison)
    _show_facts(comparison)


def _show_differences(comparison: DataComparison, notes: Sequence[str]) -> None:
    for name, windows in (("partitions", comparison.partitions), ("spans", comparison.spans)):
        click.echo(f"  {name:<11} {_windows_text(windows)}")
    for note in notes:
        click.echo(f"  note        {note}")
    show_ranked(comparison)


def show_ranked(comparison: DataComparison, limit: int = SHOWN_DIFFERENCES) -> None:
    """Print the differences, the likeliest culprit first."""
    if not comparison.differences:
        return
    click.echo(f"\n  {'differs':<34} {'score':>6} {'share':>7} {'JS':>6} {'L-inf':>6} {'PSI':>7}  how")
    for difference in comparison.differences[:limit]:
        _show_difference(difference)
    if (more := len(comparison.differences) - limit) > 0:
        click.echo(f"  … {more} more: --json or --html has all")


def _show_difference(difference: Difference) -> None:
    column = difference.column
    name = legible(subject(difference), 34)
    if column is None:
        click.echo(f"  {name:<34} {difference.score:6.3f} {'':>7} {'':>6} {'':>6} {'':>7}  {how(difference)}")
        return
    distances = f"{column.jensen_shannon:6.3f} {column.l_infinity:6.3f} {column.population_stability:7.2f}"
    click.echo(f"  {name:<34} {difference.score:6.3f} {percent(column.share):>7} {distances}  {how(difference)}")
    if difference.consequences:
        click.echo(f"  {'':<34} so that these differ as well: {', '.join(map(legible, difference.consequences))}")


def _windows_text(windows: Windows) -> str:
    """Describe in a few words how the days of two windows differ."""
    parts = {"added": windows.added, "vanished": windows.vanished, "rewritten": windows.rewritten}
    said = [f"{len(days)} {word} ({_days(days)})" for word, days in parts.items() if days]
    return ", ".join([*said, f"{len(windows.same)} the same"])


def _days(days: Sequence[Any]) -> str:
    return f"{days[0]} to {days[-1]}" if len(days) > SHOWN_DAYS else ", ".join(map(str, days))


def _show_metrics(metrics: Sequence[MetricDifference]) -> None:
    """Print the metrics of all rows, and those of slices whose difference is significant."""
    shown = [one for one in metrics if not one.slice or one.significance == Significance.SIGNIFICANT]
    if not shown:
        return
    width = max(18, *(len(one.name) for one in shown[:SHOWN_METRICS]))
    click.echo(f"\n  {'metric':<{width}} {'slice':<28} {'before':>9} {'after':>9}  difference")
    for one in shown[:SHOWN_METRICS]:
        was, now = (metric.value if metric else None for metric in (one.before, one.after))
        click.echo(f"  {one.name:<{width}} {legible(slice_text(one.slice)):<28} {score(was):>9} {score(now):>9}  {one.significance}")
    quiet = sum(1 for one in metrics if one.slice and one.significance != Significance.SIGNIFICANT)
    hidden = max(len(shown) - SHOWN_METRICS, 0)
    click.echo(f"  {quiet} values of slices are within chance{f', {hidden} more are significant' if hidden else ''}")


def _show_code(comparison: VersionComparison) -> None:
    if comparison.files is None:
        click.echo("\n  code         not compared: a run that made no version keeps none")
        return
    click.echo(f"\n  code         {'the same' if not comparison.files else ''}")
    for file in comparison.files:
        added, removed = file.changed
        click.echo(f"    {file.path:<20} +{added} -{removed} lines")


def _show_facts(comparison: VersionComparison) -> None:
    for fact in comparison.facts[:SHOWN_FACTS]:
        click.echo(f"  {fact.kind:<12} {fact.name}: {legible(fact.before or 'absent', 60)} → {legible(fact.after or 'absent', 60)}")
    if (more := len(comparison.facts) - SHOWN_FACTS) > 0:
        click.echo(f"  … {more} more: --json or --html has all")


def versions_json(comparison: VersionComparison) -> dict[str, Any]:
    """All of it as JSON."""
    return {
        "culprit": comparison.culprit,
        "model": comparison.model,
        "before": comparison.before.name,
        "after": comparison.after.name,
        "metrics": [asdict(metric) for metric in comparison.metrics],
        "files": None if comparison.files is None else [asdict(file) for file in comparison.files],
        "facts": [asdict(fact) for fact in comparison.facts],
        "data": data_json(comparison.data, comparison.notes),
    }


def data_json(comparison: DataComparison, notes: Sequence[str]) -> dict[str, Any]:
    """All of it as JSON."""
    rows = comparison.rows
    return {
        "culprit": culprit(comparison),
        "before": comparison.before,
        "after": comparison.after,
        "notes": list(notes),
        "partitions": asdict(comparison.partitions),
        "spans": asdict(comparison.spans),
        "differences": [_difference_json(difference) for difference in comparison.differences],
        "source": [_column_json(column) for column in comparison.source],
        "features": [_column_json(column) for column in comparison.features],
        "rows": {
            "partitions": [{"day": day, "before": was, "after": now} for day, (was, now) in rows.partitions.items()],
            "weekdays": [side.tolist() for side in rows.weekdays],
            "hour_column": rows.hour_column,
            "hours": [side.tolist() for side in rows.hours] if rows.hours else None,
        },
        "lineage_is_known": comparison.lineage.is_known,
    }


def _difference_json(difference: Difference) -> dict[str, Any]:
    return {
        "subject": difference.subject,
        "name": difference.name,
        "odd": difference.odd[0] if difference.odd else None,
        "score": difference.score,
        "kinds": dict(difference.column.kinds) if difference.column else {},
        "since": difference.column.since if difference.column else None,
        "feeds": difference.fed,
        "consequences": difference.consequences,
        "sentence": sentence(difference),
    }


def _column_json(column: ColumnDifference) -> dict[str, Any]:
    added, vanished = added_and_vanished(column)
    return {
        "name": column.name,
        "share": column.share,
        "total_variation": column.total_variation,
        "jensen_shannon": column.jensen_shannon,
        "l_infinity": column.l_infinity,
        "population_stability": column.population_stability,
        "added_values": added,
        "vanished_values": vanished,
        **{name: _profile_json(getattr(column, name)) for name in ("before", "after", "whole_before", "whole_after")},
    }


def _profile_json(profile: ColumnProfile | None) -> dict[str, Any] | None:
    """What a column holds, without its buckets."""
    if profile is None:
        return None
    rows = max(profile.rows, 1)
    return {
        "type": profile.type,
        "rows": profile.rows,
        "null_share": profile.nulls / rows,
        "text_share": profile.texts / rows,
        "nan_share": profile.nans / rows,
        "infinity_share": profile.infinities / rows,
        "low": profile.low if profile.numbers else None,
        "high": profile.high if profile.numbers else None,
        "mean": profile.mean,
        "quantiles": {f"{share:g}": profile.quantile(share) for share in QUANTILES} if profile.numbers else {},
        "values": dict(profile.values),
        "texts": dict(profile.non_numeric_samples) if profile.is_numeric else {},
        "hours": np.asarray(profile.hours).tolist(),
    }
