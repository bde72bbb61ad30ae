"""The verdict on the newest data: the source or the model, and whether going back to the older version helps."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from components.diagnosis.metrics import MetricDifference
from components.diagnosis.newest.predictions import total_variation
from components.diagnosis.newest.version_now import VersionNow
from components.wording import legible, percent, score

MOVED = 0.2
"""Of two distributions of classes, the distance from which they are said to have moved."""
GONE = 0.1
"""Of a class's share then: with less than that part of it, it is as good as gone."""
COMMON = 0.05
"""A class that then had less is no loss."""
REFUSED = 0.05
"""Of the rows: a model that refuses more of them is wrong."""


HEADLINE = ("auc", "macro_auc")
"""The metric that is told of a version that is well."""


class VerdictKind(StrEnum):
    """What is wrong."""

    SOURCE = "the source, not the model"
    WORLD = "the data moved on"
    MODEL = "the model"
    OLDER = "the older version"
    NOTHING = "nothing"
    UNKNOWN = "not known"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is wrong on the newest data, in one sentence, and whether going back helps."""

    kind: VerdictKind
    sentence: str
    rollback_helps: bool | None
    """None where there is no older version, or nobody can say."""
    cause: str | None = None
    """What is wrong with the data; None where it is not them."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the verdict rests on."""

    versions: Sequence[VersionNow]
    """One, or the older and the newer."""
    newer_worse: Sequence[MetricDifference]
    """Of all newest rows, where the newer version is worse than the older."""
    older_worse: Sequence[MetricDifference]
    fault: str | None
    """What broke in the source since the versions were trained."""
    shift: str | None
    """What else differs most in the data."""
    difference: str
    """What most likely makes the newer version another one than the older."""
    is_judged: bool
    """Whether there are labelled rows that no version has learned from."""
    newer_fell: bool = False
    """Whether the newer version is worse today than the older one was when it was made."""
    unreadable: str | None = None
    """Why the newest rows cannot be read at all."""


def decide(evidence: Evidence) -> Verdict:
    """The verdict."""
    *older, newer = evidence.versions
    if evidence.unreadable:
        return _unreadable(evidence, evidence.unreadable)
    if all(version.problem for version in evidence.versions):
        problems = "; ".join(version.problem for version in evidence.versions if version.problem)
        return Verdict(kind=VerdictKind.UNKNOWN, sentence=f"not known: {problems}", rollback_helps=None)
    wrong = [is_wrong(version) for version in evidence.versions]
    wrong[-1] |= bool(evidence.fault) and evidence.newer_fell  # it may have learned from what broke
    if all(wrong) and not (older and evidence.newer_worse and not older[0].worse):
        return _both_wrong(evidence)
    if older and (wrong[-1] or evidence.newer_worse) and not wrong[0]:
        return _model(evidence)
    if older and (wrong[0] or evidence.older_worse):
        return _older(evidence)
    return _nothing(evidence, newer)


def _unreadable(evidence: Evidence, why: str) -> Verdict:
    cause = f"{evidence.fault} ({why})" if evidence.fault else why
    older = f"; rolling back to {evidence.versions[0].name} does not help: it cannot be fed either" if len(evidence.versions) > 1 else ""
    return Verdict(kind=VerdictKind.SOURCE, sentence=f"the source, not the model: {cause}{older}", rollback_helps=False, cause=cause)


def is_wrong(version: VersionNow) -> bool:
    """Whether a version is wrong on the newest rows: worse by their labels, or that far from what it predicted when it was trained."""
    return bool(version.problem or version.worse or has_collapsed(version) or version.refused > REFUSED)


def has_collapsed(version: VersionNow) -> bool:
    """Whether a class that was common when the version was trained is as good as never predicted now, or many rows changed class."""
    then, now = version.then, version.now
    if not then or not now or now.refused == 1:
        return False
    lost = any(share >= COMMON and now.shares.get(name, 0.0) < GONE * share for name, share in then.shares.items())
    return lost or total_variation(then.shares, now.shares) >= MOVED


def _both_wrong(evidence: Evidence) -> Verdict:
    older = evidence.versions[:-1]
    useless = f"rolling back to {older[0].name} does not help: it is just as wrong today" if older else "rolling back will not help"
    told = " and ".join(tell(version) for version in evidence.versions)
    if evidence.fault:
        sentence = f"the source, not the model: {evidence.fault}; {useless} ({told})"
        return Verdict(kind=VerdictKind.SOURCE, sentence=sentence, rollback_helps=False, cause=evidence.fault)
    is_by_labels = all(version.worse for version in evidence.versions)
    if not is_by_labels and not any(version.refused > REFUSED for version in evidence.versions):
        return _unlabelled(evidence, told)
    moved = f"what differs most is {evidence.shift}" if evidence.shift else "no column of the source says why"
    sentence = f"the data moved on, and nothing in the source broke: {moved}; train on newer data, {useless} ({told})"
    return Verdict(kind=VerdictKind.WORLD, sentence=sentence, rollback_helps=False if older else None, cause=f"the data moved on: {moved}")


def _unlabelled(evidence: Evidence, told: str) -> Verdict:
    """Predictions moved, no column broke, and no label says that they are wrong."""
    moved = f"; what differs most in the data is {evidence.shift}" if evidence.shift else ""
    labels = "and labels do not say that they are wrong" if evidence.is_judged else "and their labels are not known yet"
    sentence = f"not known: predictions moved, {labels} ({told}){moved}"
    return Verdict(kind=VerdictKind.UNKNOWN, sentence=sentence, rollback_helps=None)


def _model(evidence: Evidence) -> Verdict:
    older, newer = evidence.versions
    sentence = (
        f"the model: rolling back to {older.name} helps, it is as good today as it was ({tell(older)}), and {newer.name} is not "
        f"({tell(newer)}{_versus(evidence.newer_worse, older)}); they differ in this: {evidence.difference}"
    )
    return Verdict(kind=VerdictKind.MODEL, sentence=sentence, rollback_helps=True)


def _older(evidence: Evidence) -> Verdict:
    older, newer = evidence.versions
    sentence = (
        f"nothing is wrong with {newer.name} on the newest data ({tell(newer)}); do not roll back to {older.name}, which is worse today "
        f"({tell(older)}{_versus(evidence.older_worse, newer)})"
    )
    return Verdict(kind=VerdictKind.OLDER, sentence=sentence, rollback_helps=False)


def _nothing(evidence: Evidence, newer: VersionNow) -> Verdict:
    whom = f"either {evidence.versions[0].name} or {newer.name}" if len(evidence.versions) > 1 else newer.name
    told = " and ".join(tell(version) for version in evidence.versions)
    fault = f"; but {evidence.fault}: mend it before it is felt" if evidence.fault else ""
    if not evidence.is_judged:
        sentence = (
            f"nothing is seen to be wrong with {whom}, though no newer labels are known: predictions are as they were ({told}){fault}"
        )
    else:
        sentence = f"nothing is wrong with {whom} on the newest data ({told}){fault}"
    return Verdict(kind=VerdictKind.NOTHING, sentence=sentence, rollback_helps=False if len(evidence.versions) > 1 else None)


def _versus(worse: Sequence[MetricDifference], better_one: VersionNow) -> str:
    if not worse:
        return ""
    first = worse[0]
    values = (metric.value if metric else None for metric in (first.after, first.before))
    now, other = (score(value) for value in values)
    return f"; {first.name} on the same rows {now}, and {other} by {better_one.name}"


def tell(version: VersionNow) -> str:
    """How a version does today, in a few words: the metric that fell most, else its predictions."""
    if version.problem:
        return version.problem
    parts = []
    if version.refused > REFUSED:
        parts.append(f"refuses {percent(version.refused)} of today's rows")
    if version.worse:
        first = version.worse[0]
        was, now = (score(metric.value) if metric else "unknown" for metric in (first.before, first.after))
        parts.append(f"{first.name} {was} → {now}")
    if has_collapsed(version):
        parts.append(_moved_class(version))
    return f"{version.name}: {', '.join(parts) or _steady(version)}"


def _moved_class(version: VersionNow) -> str:
    """The class that grew most."""
    then, now = (one.shares if one else {} for one in (version.then, version.now))
    name = max(now, key=lambda one: now[one] - then.get(one, 0.0))
    return f"predicts {legible(name)} for {percent(now[name])} of today's rows (was {percent(then.get(name, 0.0))})"


def _steady(version: VersionNow) -> str:
    known = next((one for one in version.differences if not one.slice and one.before and one.after and one.name in HEADLINE), None)
    if known and known.before and known.after:
        return f"{known.name} {score(known.before.value)} → {score(known.after.value)}"
    if version.then and version.now:
        distance = total_variation(version.then.shares, version.now.shares)
        return f"{percent(distance)} of its predictions moved to another class"
    return "no rows to judge it by"
