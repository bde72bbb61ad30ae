"""What the command line shows of versions on the newest data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from components.diagnosis.metrics import Significance
from components.diagnosis.newest.newest import Newest, measured_on
from components.diagnosis.newest.predictions import SideBySide
from components.diagnosis.newest.version_now import VersionNow
from components.evaluation.metric import Metric
from components.wording import ABSENT, count, legible, percent, score, slice_text
from pipelines.cli.text.comparison import data_json, show_ranked

SHOWN_DIFFERENCES = 5
SHOWN_SLICES = 5
SHOWN_METRICS = 12


def verdict(newest: Newest) -> str:
    """The first line."""
    return f"Verdict: {newest.verdict.sentence}"


def show_newest(newest: Newest) -> None:
    """Print how the versions do on the newest data."""
    click.echo("\nnewest data")
    if newest.data:
        click.echo(f"  {'today':<11} {newest.data.through}; then: {newest.data.then}, the last span that the newer version was trained on")
        click.echo(f"  {'measured on':<11} {measured_on(newest.data)}")
    for note in newest.notes:
        click.echo(f"  {'note':<11} {legible(note)}")
    _show_classes(newest.versions)
    if newest.side_by_side:
        _show_together(newest.side_by_side)
    _show_metrics(newest)
    if newest.data:
        click.echo(f"\n  {newest.data.comparison.before} → {newest.data.comparison.after}")
        show_ranked(newest.data.comparison, SHOWN_DIFFERENCES)


def _show_classes(versions: Sequence[VersionNow]) -> None:
    """Print the share of rows that each version puts into each class: when it was trained, and today."""
    known = [one for version in versions for one in (version.then, version.now) if one]
    classes = list(dict.fromkeys(name for one in known for name in one.shares))
    if not classes:
        return
    headings = [f"{version.name} {when}" for version in versions for when in ("then", "today")]
    click.echo(f"\n  {f'predicted {known[0].part}':<20}" + "".join(f" {heading:>16}" for heading in headings))
    for name in classes:
        cells = [percent(one.share(name) if one else None) for version in versions for one in (version.then, version.now)]
        click.echo(f"  {legible(name, 20):<20}" + "".join(f" {cell:>16}" for cell in cells))
    refused = [one.refused if one else None for version in versions for one in (version.then, version.now)]
    if any(refused):
        click.echo(f"  {'(refused)':<20}" + "".join(f" {percent(share):>16}" for share in refused))
    rows = [count(one.rows) if one else ABSENT for version in versions for one in (version.then, version.now)]
    click.echo(f"  {'rows':<20}" + "".join(f" {cell:>16}" for cell in rows))


def _show_together(both: SideBySide) -> None:
    scores = "" if both.score_difference is None else f"; the score differs by {both.score_difference:.3f} on average"
    click.echo(
        f"\n  agreement   {percent(both.agreement)} of {count(both.rows)} of today's rows get the same {both.part} from both{scores}"
    )
    for name, row in zip(both.before_classes, both.confusion, strict=True):
        if sum(row) and both.agreement < 1:
            cells = ", ".join(f"{legible(to, 20)} {count(rows)}" for to, rows in zip(both.after_classes, row, strict=True))
            click.echo(f"    {legible(name, 20):<18} of the older is, by the newer: {cells}")
    for move in [one for one in both.slices if one.agreement < 1][:SHOWN_SLICES]:
        where, moved = legible(slice_text(move.slice)), f"{percent(move.distance)} moved to another {both.part}"
        click.echo(f"    {where:<28} {moved}, {percent(move.agreement)} agree ({count(move.rows)} rows)")


def _show_metrics(newest: Newest) -> None:
    """Of all rows every metric, of slices what changed by more than chance; then and now, of each version."""
    found = {version.name: {(one.name, slice_text(one.slice)): one for one in version.differences} for version in newest.versions}
    keys = [
        key
        for key in dict.fromkeys(key for one in found.values() for key in one)
        if any(key in one and (not one[key].slice or one[key].significance == Significance.SIGNIFICANT) for one in found.values())
    ]
    if not keys:
        return
    width = max(18, *(len(name) for name, _ in keys[:SHOWN_METRICS]))
    click.echo(f"\n  {'metric':<{width}} {'slice':<24}" + "".join(f" {f'{name} then':>16} {'now':>8}  {'':<13}" for name in found))
    for name, where in keys[:SHOWN_METRICS]:
        line = f"  {name:<{width}} {legible(where):<24}"
        for one in found.values():
            difference = one.get((name, where))
            was, now = (_value(metric) for metric in ((difference.before, difference.after) if difference else (None, None)))
            line += f" {was:>16} {now:>8}  {difference.significance if difference else '':<13}"
        click.echo(line.rstrip())
    if len(keys) > SHOWN_METRICS:
        click.echo(f"  … {len(keys) - SHOWN_METRICS} more: --json or --html has all")


def _value(metric: Metric | None) -> str:
    return score(metric.value if metric else None)


def newest_json(newest: Newest) -> dict[str, Any]:
    """How the versions do on the newest data, as a JSON object."""
    data = newest.data
    return {
        "verdict": asdict(newest.verdict),
        "through": data.through if data else None,
        "judged_spans": data.judged if data else (),
        "learned_spans": data.learned if data else (),
        "fault": data.fault if data else None,
        "notes": newest.notes,
        "versions": [_version_json(version) for version in newest.versions],
        "side_by_side": _together_json(newest.side_by_side) if newest.side_by_side else None,
        "on_same_rows": [asdict(one) for one in newest.on_same_rows],
        "data": data_json(data.comparison, ()) if data else None,
    }


def _version_json(version: VersionNow) -> dict[str, Any]:
    return {**asdict(version), "worse": [one.name for one in version.worse]}


def _together_json(both: SideBySide) -> Mapping[str, Any]:
    return {**asdict(both), "slices": [{**asdict(one), "distance": one.distance} for one in both.slices]}
