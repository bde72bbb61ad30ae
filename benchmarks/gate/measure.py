"""What the gate finds in clean streams and in spoilt ones, with the defaults of TFDV and Evidently on the same days beside it.

python -m benchmarks.gate.measure              # prints the tables of docs/gate.md
python -m benchmarks.gate.measure clean        # or faults: one of them
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.drift.comparison import call
from benchmarks.gate.streams import Stream, all_streams
from components.checks.source import check_source
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles
from components.profiles.profiling import profile_batch
from components.settings import REPOSITORY
from tests.components.checks.corruptions import shop_model
from tests.components.checks.shop_faults import FAULTS, Fault
from tests.components.checks.shops import KEYS, Days, Frame, batch
from tests.components.checks.table_faults import TABLE_FAULTS
from tests.components.checks.tables import TABLES

TOOLS = ("tfdv", "evidently")
KNOWN, START, BEFORE = 60, 110, 28
"""Partitions of the champion, the first spoilt one, and how many a tool is given as its reference."""
LOOKED_AT = (1, 2, 5)
"""Of the spoilt days, those that a tool is shown."""
SAMPLED = 12
"""Of each clean stream, so many days are shown to the tools."""


@dataclass(frozen=True)
class Case:
    """A day that a tool is shown."""

    before: Sequence[Frame]
    now: Frame


def model_of(key: str, folder: Path) -> Model:
    """A model of the key with default checks."""
    model = shop_model(folder)
    return model.model_copy(update={"rows": model.rows.model_copy(update={"key": key})})


def profiles_of(days: Mapping[date, Frame], key: str) -> dict[date, ColumnProfiles]:
    return {day: profile_batch(batch(frame), key) for day, frame in days.items()}


def clean(stream: Stream, folder: Path) -> tuple[float, int, int]:
    """Years, and findings of all days, each held against those before it: that block, and that warn."""
    findings = check_source(model_of(stream.key, folder), profiles_of(stream.days, stream.key), {})
    blocking = sum(finding.blocks for finding in findings)
    return ((max(stream.days) - min(stream.days)).days + 1) / 365, blocking, len(findings) - blocking


def clean_cases(stream: Stream) -> list[Case]:
    """Days spread over a stream, for the tools."""
    order = sorted(stream.days)
    places = np.linspace(BEFORE, len(order) - 1, SAMPLED).astype(int)
    return [
        Case([_plain(stream.days[day], stream.key) for day in order[p - BEFORE : p]], _plain(stream.days[order[p]], stream.key))
        for p in places
    ]


@dataclass(frozen=True)
class Spoilt:
    """A stream that is spoilt from START on, its days and the spoilt ones among them."""

    fault: Fault
    days: Days
    spoilt: list[date]
    key: str

    def found_after(self, folder: Path) -> int | None:
        """After how many spoilt days our gate blocks because of the column; None if it never does."""
        profiles, known = profiles_of(self.days, self.key), sorted(self.days)[:KNOWN]
        past = {day: profiles[day] for day in known}
        for place, last in enumerate(self.spoilt, start=1):
            days = {day: table for day, table in profiles.items() if day <= last}
            found = check_source(model_of(self.key, folder / str(place)), days, past, known)
            if any(finding.blocks and finding.column == self.fault.column for finding in found):
                return place
        return None

    def cases(self) -> list[Case]:
        before = [_plain(self.days[day], self.key) for day in sorted(self.days)[KNOWN - BEFORE : KNOWN]]
        return [Case(before, _plain(self.days[self.spoilt[place - 1]], self.key)) for place in LOOKED_AT if place <= len(self.spoilt)]


def spoil(fault: Fault) -> Spoilt:
    """The days of a fault."""
    frames, key, rng = fault.shop(1), {**KEYS, **TABLES}[fault.shop], np.random.default_rng(START)
    order, names = sorted(frames), dict.fromkeys([fault.column, key, *fault.others])
    spoilt = [day for day in order[START : START + fault.days] if fault.of(day)]
    days = {}
    for day in order[START - KNOWN : START + fault.days]:
        frame = {name: frames[day][name] for name in names}
        frame = fault.always(frame, rng) if fault.always else frame
        days[day] = fault.spoil(frame, rng) if day in spoilt else frame
    return Spoilt(fault, days, spoilt, key)


def _plain(frame: Frame, key: str) -> Frame:
    """Without the key, and with the hour of a time, which no tool would look at by default."""
    return {
        name: (values.astype("datetime64[h]").astype(int) % 24 if values.dtype.kind == "M" else values)
        for name, values in frame.items()
        if name != key
    }


def ask(tool: str, cases: Sequence[Case], folder: Path) -> list[list[str]]:
    """The columns that a tool tells of each case, in a process of its own."""
    folder.mkdir()
    written = []
    for place, case in enumerate(cases):
        tables = {"before": pd.concat([pd.DataFrame(frame) for frame in case.before]), "now": pd.DataFrame(case.now)}
        as_text = {name for table in tables.values() for name in table if table[name].map(type).eq(str).any()}
        for side, table in tables.items():
            for name in table:
                table[name] = table[name].map(lambda v: None if v is None else str(v)) if name in as_text else table[name].infer_objects()
            table.to_parquet(folder / f"{place}-{side}.parquet", index=False)
        written.append({side: f"{place}-{side}.parquet" for side in tables})
    (folder / "cases.json").write_text(json.dumps(written))
    python: list[str | Path] = [sys.executable] if tool == "tfdv" else [*_own_environment(folder)]
    return json.loads(call(*python, Path(__file__).with_name("tools.py"), tool, folder).splitlines()[-1])  # type: ignore[no-any-return]


def _own_environment(folder: Path) -> Iterator[str | Path]:
    uv, requirements = REPOSITORY / ".cache" / "uv" / "bin" / "uv", folder / "requirements.txt"
    group = ("export", "--locked", "--quiet", "--only-group", "bench", "--no-emit-project", "--project", REPOSITORY)
    call(uv, *group, "--output-file", requirements)
    yield from (uv, "run", "--isolated", "--no-project", "--quiet", "--python", sys.executable)
    yield from ("--with-requirements", requirements, "python")


def measure_clean(folder: Path, say: Callable[[str], None]) -> None:
    """Print what is found in streams that nothing is wrong with."""
    streams, cases = [], []
    for stream in all_streams():
        streams.append((stream.name, len(stream.days), *clean(stream, folder / stream.name)))
        cases.append(clean_cases(stream))
        say(f"clean {streams[-1]}")
    found = {tool: ask(tool, [case for of in cases for case in of], folder / f"clean {tool}") for tool in TOOLS}
    print("| clean stream | years | ours blocks | ours warns | TFDV | Evidently, any column |\n|---|---|---|---|---|---|")
    for place, (name, partitions, years, blocks, warns) in enumerate(streams):
        of = slice(place * SAMPLED, (place + 1) * SAMPLED)
        told = [f"{round(partitions / years * sum(map(bool, found[tool][of])) / SAMPLED)}" for tool in TOOLS]
        print(f"| {name} | {years:.1f} | {blocks / years:.1f} | {warns / years:.1f} | {told[0]} | {told[1]} |")


def measure_faults(folder: Path, say: Callable[[str], None]) -> None:
    """Print after how many days what is spoilt is found."""
    spoilt = [spoil(fault) for fault in (*FAULTS, *TABLE_FAULTS)]
    ours = []
    for place, one in enumerate(spoilt):
        ours.append(one.found_after(folder / f"fault {place}"))
        say(f"{one.fault.shop.__name__}: {one.fault.name}: {ours[-1]}")
    cases = [one.cases() for one in spoilt]
    after: dict[str, list[int | None]] = {"ours": ours}
    for tool in TOOLS:
        found = iter(ask(tool, [case for of in cases for case in of], folder / f"faults {tool}"))
        told = [[one.fault.column in next(found) for _ in of] for one, of in zip(spoilt, cases, strict=True)]
        after[tool] = [next((LOOKED_AT[place] for place, hit in enumerate(hits) if hit), None) for hits in told]
    print(
        f"\n| of {len(spoilt)} corruptions | found on the first day | within 5 days | ever | mean days until found |\n|---|---|---|---|---|"
    )
    for name, days in after.items():
        hits = [day for day in days if day is not None]
        within = [sum(day <= most for day in hits) for most in (1, 5, 99)]
        print(f"| {name} | {within[0]} | {within[1]} | {within[2]} | {np.mean(hits):.1f} |")
    print(
        "not found by ours: "
        + "; ".join(f"{one.fault.shop.__name__}: {one.fault.name}" for one, day in zip(spoilt, ours, strict=True) if day is None)
    )


def main() -> None:
    """Measure in a folder that is gone afterwards."""
    parts = {"clean": measure_clean, "faults": measure_faults}
    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
        for part in sys.argv[1:] or parts:
            parts[part](Path(folder), lambda text: print(text, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main()
