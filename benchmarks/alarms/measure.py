"""What monitoring's alarms find in a year of flights and in 61 weeks of CDNOW: in clean days, in spoilt ones, and when the world changes.

python -m benchmarks.alarms.measure            # prints the tables of docs/monitoring.md
python -m benchmarks.alarms.measure flights:130:4    # one of the streams: its first 130 spans, and every fourth fault
"""

import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.alarms.estimates import estimated
from benchmarks.alarms.faults import CUSTOMER_FAULTS, FLIGHT_FAULTS, Fault
from benchmarks.alarms.kept import kept
from benchmarks.alarms.replay import Measured, Opened, Version, follow, measure_day
from benchmarks.alarms.streams import Source, Stream, cdnow, flights
from benchmarks.gate.measure import Case, ask
from components.monitoring.live_metrics.past import EarlierVersion, Past
from components.monitoring.record import LiveDay

STREAMS = {"flights": (flights, FLIGHT_FAULTS), "CDNOW": (cdnow, CUSTOMER_FAULTS)}
TOOLS = ("tfdv", "evidently")
CLEAN_SPANS, SPOILT_SPANS = 6, 7
"""Before a fault begins, and after that, besides those until labels are known."""
SAMPLED = 8
KNOWN_VERSIONS = 4
"""So many before tell what is usual."""


@dataclass(frozen=True)
class Found:
    """Whether and when a fault was told, and as what."""

    fault: Fault
    after: int | None
    """Spans after the first on which it showed; None: never."""
    is_cause_right: bool


def versions_spans(stream: Stream) -> Iterator[tuple[Sequence[date], Sequence[date]]]:
    """The spans that each version is trained on, as it would have been made, and those that it serves."""
    for first in range(stream.trained_spans + stream.late, len(stream.spans), stream.every_spans):
        known = first - stream.late
        yield stream.spans[known - stream.trained_spans : known], stream.spans[first : first + stream.every_spans]


def clean_versions(stream: Stream) -> Iterator[tuple[Version, list[Measured]]]:
    """Each version with the days that it serves, as they come to be."""
    for trained, spans in versions_spans(stream):
        version, days = kept(f"{stream.name} {spans[0]} {len(spans)}", partial(_served, stream, trained, spans))
        version.stream = stream
        yield version, days


def _served(stream: Stream, trained: Sequence[date], spans: Sequence[date]) -> tuple[Version, list[Measured]]:
    version = Version(stream, trained)
    return version, [measure_day(version, span, stream.rows[span]) for span in spans]


def clean_years(stream: Stream) -> tuple[float, list[Opened], list[LiveDay], list[Case]]:
    """Years that were served, the alarms that opened, all days as they came to be, and some of them for the tools."""
    opened: list[Opened] = []
    earlier: list[EarlierVersion] = []
    cases: list[Case] = []
    served = 0
    for version, days in clean_versions(stream):
        served += len(days)
        opened += follow(version, days, stream.source, Past(earlier[-KNOWN_VERSIONS:]))
        earlier.append(EarlierVersion(version.metrics, [one.settled for one in days]))
        last = days[-1].settled.served.day
        cases.append(_case(version, stream.rows[days[len(days) // 2].settled.served.day]))
        print(f"clean {stream.name}: served through {last}, {len(opened)} alarms", file=sys.stderr, flush=True)
    step = (stream.spans[1] - stream.spans[0]).days
    return served * step / 365, opened, [day for one in earlier for day in one.days], cases


def _case(version: Version, now: pd.DataFrame) -> Case:
    stream = version.stream
    drop = [stream.model.rows.key, stream.model.rows.label]
    frames = [stream.rows[span].drop(columns=drop) for span in version.spans[-SAMPLED:]]
    as_frame = [{name: table[name].to_numpy() for name in table} for table in (*frames, now.drop(columns=drop))]
    return Case(as_frame[:-1], as_frame[-1])


@dataclass(frozen=True)
class Place:
    """Where a version is spoilt."""

    version: Version
    spans: Sequence[date]
    clean: Sequence[Measured]
    known: frozenset[tuple[str, str, frozenset[str]]]
    """The alarms that open there though nothing is spoilt."""
    past: Past
    """The versions that served before."""


def place(stream: Stream) -> Place:
    """The middle of the stream."""
    middle = (len(stream.spans) - stream.trained_spans) // stream.every_spans // 2
    (version, _), before = list(clean_versions(stream))[middle], list(clean_versions(stream))[:middle]
    start = stream.spans.index(list(versions_spans(stream))[middle][1][0])
    spans = stream.spans[start : start + CLEAN_SPANS + stream.late + SPOILT_SPANS]
    clean = [measure_day(version, span, stream.rows[span]) for span in spans]
    past = Past([EarlierVersion(one.metrics, [day.settled for day in days]) for one, days in before[-KNOWN_VERSIONS:]])
    return Place(version, spans, clean, frozenset(map(_identity, follow(version, clean, stream.source, past))), past)


def _identity(one: Opened) -> tuple[str, str, frozenset[str]]:
    subject = one.event.subject
    return str(subject.kind), subject.subject, frozenset(subject.slice)


def find(where: Place, fault: Fault, number: int) -> tuple[Found, Case]:
    """Spoil the later of some spans, and see what is told of it; and the first spoilt one for the tools."""
    version, stream, rng = where.version, where.version.stream, np.random.default_rng(number)
    spoilt, source = where.spans[CLEAN_SPANS:], stream.source
    if fault.source is not None:
        spoil = fault.source
        source = source.changed(lambda rows: spoil(rows, rng), spoilt[0])
    measured = kept(
        f"{stream.name} {len(stream.spans)} {spoilt[0]} {fault.name}".replace("/", " per "), partial(_spoilt, where, fault, source, rng)
    )
    days = [*where.clean[:CLEAN_SPANS], *(one for one, _ in measured)]
    first_rows = measured[0][1]
    told = [one for one in follow(version, days, source, where.past) if one.day >= spoilt[0] and _identity(one) not in where.known]
    visible = stream.late if fault.world is not None and not fault.columns else 0
    if not told:
        return Found(fault, None, False), _case(version, first_rows)
    after = max(0, list(spoilt).index(told[0].day) - visible)
    first = [one for one in told if one.day == told[0].day]
    return Found(fault, after, any(_is_right(fault, one) for one in first)), _case(version, first_rows)


def _spoilt(where: Place, fault: Fault, source: Source, rng: np.random.Generator) -> list[tuple[Measured, pd.DataFrame]]:
    """The spoilt days, with the rows that the service is given."""
    version, spoilt, stream = where.version, where.spans[CLEAN_SPANS:], where.version.stream
    table = stream.features_of(source.table, spoilt) if fault.source else {span: stream.rows[span] for span in spoilt}
    found = []
    for span in spoilt:
        computed = table[span] if fault.world is None else fault.world(table[span], rng)
        rows = computed if fault.caller is None else fault.caller(computed, rng)
        found.append((measure_day(version, span, rows, computed), rows))
    return found


def _is_right(fault: Fault, one: Opened) -> bool:
    return one.cause.kind in fault.causes and (not fault.columns or one.cause.column in fault.columns)


def measure(wanted: str, folder: Path) -> None:
    """Print the rows of one stream, or of a part of it."""
    name, *limits = wanted.split(":")
    most, every = (*map(int, limits), None, None)[:2]
    make, faults = STREAMS[name]
    stream, faults = make(), faults[:: every or 1]
    stream = replace(stream, spans=stream.spans[: most or len(stream.spans)])
    years, opened, settled, clean_cases = clean_years(stream)
    for one in opened:
        print(
            f"clean {name} {one.day}: {one.event.trouble.sentence if one.event.trouble else ''}: {one.cause.kind}",
            file=sys.stderr,
            flush=True,
        )
    where = place(stream)
    found, cases = [], []
    for number, fault in enumerate(faults):
        told_of, case = find(where, fault, number)
        found.append(told_of)
        cases.append(case)
        print(f"{name}: {fault.name}: {told_of.after}, {'right' if told_of.is_cause_right else 'wrong'}", file=sys.stderr, flush=True)
    told = {tool: ask(tool, [*clean_cases, *cases], folder / f"{name} {tool}") for tool in TOOLS}
    _print(name, years, opened, found, told, len(clean_cases))
    for line in estimated(stream, settled):
        print(line)
    print()


def _print(name: str, years: float, opened: Sequence[Opened], found: Sequence[Found], told: dict[str, list[list[str]]], clean: int) -> None:
    hits = [one for one in found if one.after is not None]
    world = [one for one in found if one.fault.world is not None]
    delays = [one.after for one in hits if one.after is not None]
    print(
        f"| {name} | false alarms a year | corruptions found | changes of the world found | spans until found: median, most | cause right |"
    )
    print("|---|---|---|---|---|---|")
    spoilt = [one for one in found if one.fault.world is None]
    counts = [f"{sum(one.after is not None for one in of)} of {len(of)}" for of in (spoilt, world)]
    right = sum(one.is_cause_right for one in hits)
    delay = f"{int(np.median(delays))}, {max(delays)}" if delays else "–"
    print(f"| ours | {len(opened) / years:.1f} | {counts[0]} | {counts[1]} | {delay} | {right} of {len(hits)} |")
    for tool, columns in told.items():
        alarms = sum(map(bool, columns[:clean])) / clean * 365
        seen = [
            bool(set(one.fault.columns) & set(told_of)) if one.fault.columns else bool(told_of)
            for one, told_of in zip(found, columns[clean:], strict=True)
        ]
        counts = [
            f"{sum(hit for hit, one in zip(seen, found, strict=True) if (one.fault.world is not None) is kind)}" for kind in (False, True)
        ]
        print(f"| {tool}, each span | {alarms:.0f} | {counts[0]} of {len(spoilt)} | {counts[1]} of {len(world)} | 0 | – |")
    missed = [one.fault.name for one in found if one.after is None]
    wrong = [one.fault.name for one in hits if not one.is_cause_right]
    print(f"\nnot found: {', '.join(missed) or 'none'}; another cause named: {', '.join(wrong) or 'none'}")


def main() -> None:
    """Measure in a folder that is gone afterwards."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
        for name in sys.argv[1:] or STREAMS:
            measure(name, Path(folder))


if __name__ == "__main__":
    main()
