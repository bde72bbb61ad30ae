"""The verdict on the newest data: the source or the model, and whether going back to the older version helps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from components.diagnosis.metrics import MetricDifference
from components.diagnosis.newest.predictions import share_distance
from components.diagnosis.newest.version_now import VersionNow
from components.model.metric_names import HEADLINE_METRICS
from components.wording import legible, percent, score

LEAST_MOVE = 0.2
"""Predictions have moved if the distance between their distributions of classes is at least this."""
VANISHED_BELOW = 0.1
"""A class has vanished when its share falls below this fraction of its former share."""
RARE_CLASS = 0.05
"""A class that was rarer than this is ignored when it vanishes."""
MOST_REFUSED = 0.05
"""A model that refuses a larger share of the rows is wrong."""


class VerdictKind(StrEnum):
    """What is wrong."""

    SOURCE = "the source, not the model"
    TRAINING = "the training data, not the source"
    """The newer version was trained on broken data, which are good again."""
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
    """None if there is no older version, or if the evidence does not tell."""
    cause: str | None = None
    """What is wrong with the data; None if the data are not to blame."""

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong with the newer version, nor with the data."""
        return self.kind in (VerdictKind.NOTHING, VerdictKind.OLDER)


@dataclass(frozen=True, kw_only=True)
class Between:
    """What was found between two versions, and what is wrong with what each was trained on."""

    difference: str = ""
    """What most likely makes the newer version different from the older one."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """What is broken in the data that a version was trained on, by its name."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The facts that the verdict rests on."""

    versions: Sequence[VersionNow]
    """One version, or the older and the newer one."""
    newer_worse: Sequence[MetricDifference]
    """The metrics of the newest rows by which the newer version is worse than the older one."""
    older_worse: Sequence[MetricDifference]
    """The metrics of the newest rows by which the older version is worse than the newer one."""
    fault: str | None
    """What broke in the source since the versions were trained."""
    shift: str | None
    """What else differs most in the data."""
    between: Between
    is_judged: bool
    """Whether there are labelled rows that no version has learned from."""
    on_same_rows: bool = False
    """Whether both versions were measured on the same ones."""
    newer_fell: bool = False
    """Whether the newer version is worse today than the older one was when it was made."""
    unreadable: str | None = None
    """Why the newest rows cannot be read at all."""

    @property
    def learned(self) -> str:
        """What is broken in the data that the newer version was trained on, with its name; empty if nothing is."""
        newer = self.versions[-1].name
        return f"{newer}: {self.between.broken[newer]}" if newer in self.between.broken else ""


def decide(evidence: Evidence) -> Verdict:
    """Judge the evidence."""
    *older, newer = evidence.versions
    if evidence.unreadable:
        return _unreadable(evidence, evidence.unreadable)
    if all(version.problem for version in evidence.versions):
        problems = "; ".join(version.problem for version in evidence.versions if version.problem)
        return Verdict(kind=VerdictKind.UNKNOWN, sentence=f"not known: {problems}", rollback_helps=None)
    if evidence.learned:  # what it was trained on is no measure of what it predicts
        evidence = replace(evidence, versions=[replace(version, then=None) for version in evidence.versions])
        *older, newer = evidence.versions
    wrong = [_is_wrong(version) for version in evidence.versions]
    if _has_one_fallen_alone(evidence):
        return _fallen(evidence)
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


def _is_wrong(version: VersionNow) -> bool:
    """Whether a version is wrong on the newest rows: worse by their labels, or predicting something else than when it was trained."""
    return bool(version.problem or version.worse or _has_collapsed(version) or version.refused > MOST_REFUSED)


def _has_collapsed(version: VersionNow) -> bool:
    """Whether a class that was common when the version was trained has vanished from its predictions, or many rows changed class."""
    then, now = version.then, version.now
    if not then or not now or now.refused == 1:
        return False
    lost = any(share >= RARE_CLASS and now.shares.get(name, 0.0) < VANISHED_BELOW * share for name, share in then.shares.items())
    return lost or share_distance(then.shares, now.shares) >= LEAST_MOVE


def _has_one_fallen_alone(evidence: Evidence) -> bool:
    """Whether one of two versions, as good on the same rows, is worse by labels than when it was made, and nothing else is wrong."""
    is_close = evidence.on_same_rows and not evidence.newer_worse and not evidence.older_worse
    is_only_by_labels = not any(_is_wrong(replace(version, differences=())) for version in evidence.versions)
    return is_close and is_only_by_labels and len([version for version in evidence.versions if version.worse]) == 1


def _fallen(evidence: Evidence) -> Verdict:
    """The verdict if one version is worse than when it was made, and the other one is not, and both are as good on the same rows."""
    older, newer = evidence.versions
    summaries = f"{_summary(older)} and {_summary(newer)}"
    same = f"on the same rows {newer.name} is as good as {older.name}: rolling back does not help"
    if evidence.fault:
        sentence = f"the source, not the model: {evidence.fault}; {same} ({summaries})"
        return Verdict(kind=VerdictKind.SOURCE, sentence=sentence, rollback_helps=False, cause=evidence.fault)
    if evidence.learned:
        sentence = f"the training data of {evidence.learned}; {same} ({summaries}), train again on good data"
        cause = evidence.between.broken[newer.name]
        return Verdict(kind=VerdictKind.TRAINING, sentence=sentence, rollback_helps=False, cause=cause)
    if older.name in evidence.between.broken:
        return _mended(evidence, summaries)
    if not newer.worse:
        sentence = f"nothing is wrong with {newer.name} on the newest data: {same} ({summaries})"
        return Verdict(kind=VerdictKind.NOTHING, sentence=sentence, rollback_helps=False)
    sentence = f"not known: {newer.name} is worse on the newest rows than when it was made, and {older.name} is not; {same} ({summaries})"
    return Verdict(kind=VerdictKind.UNKNOWN, sentence=sentence, rollback_helps=False)


def _mended(evidence: Evidence, summaries: str) -> Verdict:
    """The verdict if nothing is wrong with the newer version, and the older one was trained on broken data."""
    older, newer = evidence.versions
    learned = f"which was trained on broken data: {evidence.between.broken[older.name]}"
    sentence = f"nothing is wrong with {newer.name}; do not roll back to {older.name}, {learned} ({summaries})"
    return Verdict(kind=VerdictKind.OLDER, sentence=sentence, rollback_helps=False)


def _both_wrong(evidence: Evidence) -> Verdict:
    older = evidence.versions[:-1]
    useless = f"rolling back to {older[0].name} does not help: it is just as wrong today" if older else "rolling back will not help"
    summaries = " and ".join(_summary(version) for version in evidence.versions)
    if evidence.fault:
        sentence = f"the source, not the model: {evidence.fault}; {useless} ({summaries})"
        return Verdict(kind=VerdictKind.SOURCE, sentence=sentence, rollback_helps=False, cause=evidence.fault)
    if evidence.learned:
        sentence = f"the training data of {evidence.learned}; {useless} ({summaries}), train again on good data"
        return Verdict(
            kind=VerdictKind.TRAINING, sentence=sentence, rollback_helps=False, cause=evidence.between.broken[evidence.versions[-1].name]
        )
    is_by_labels = all(version.worse for version in evidence.versions)
    if not is_by_labels and not any(version.refused > MOST_REFUSED for version in evidence.versions):
        return _unlabelled(evidence, summaries)
    moved = f"what differs most is {evidence.shift}" if evidence.shift else "no column of the source says why"
    sentence = f"the data moved on, and nothing in the source broke: {moved}; train on newer data, {useless} ({summaries})"
    return Verdict(kind=VerdictKind.WORLD, sentence=sentence, rollback_helps=False if older else None, cause=f"the data moved on: {moved}")


def _unlabelled(evidence: Evidence, summaries: str) -> Verdict:
    """The verdict if predictions moved, no column broke, and no label says that they are wrong."""
    moved = f"; what differs most in the data is {evidence.shift}" if evidence.shift else ""
    labels = "and labels do not say that they are wrong" if evidence.is_judged else "and their labels are not known yet"
    sentence = f"not known: predictions moved, {labels} ({summaries}){moved}"
    return Verdict(kind=VerdictKind.UNKNOWN, sentence=sentence, rollback_helps=None)


def _model(evidence: Evidence) -> Verdict:
    older, newer = evidence.versions
    sentence = (
        f"the model: rolling back to {older.name} helps, it is as good today as it was ({_summary(older)}), and {newer.name} is not "
        f"({_summary(newer)}{_versus(evidence.newer_worse, older)}); they differ in this: {evidence.between.difference}"
    )
    return Verdict(kind=VerdictKind.MODEL, sentence=sentence, rollback_helps=True)


def _older(evidence: Evidence) -> Verdict:
    older, newer = evidence.versions
    if evidence.fault:
        worse = f"do not roll back to {older.name}, which is worse today ({_summary(older)}{_versus(evidence.older_worse, newer)})"
        sentence = f"the source, not the model: {evidence.fault}; {newer.name} holds for now ({_summary(newer)}), {worse}"
        return Verdict(kind=VerdictKind.SOURCE, sentence=sentence, rollback_helps=False, cause=evidence.fault)
    learned = f", and was trained on broken data: {evidence.between.broken[older.name]}" if older.name in evidence.between.broken else ""
    sentence = (
        f"nothing is wrong with {newer.name} on the newest data ({_summary(newer)}); do not roll back to {older.name}, which is worse "
        f"today ({_summary(older)}{_versus(evidence.older_worse, newer)}){learned}"
    )
    return Verdict(kind=VerdictKind.OLDER, sentence=sentence, rollback_helps=False)


def _nothing(evidence: Evidence, newer: VersionNow) -> Verdict:
    whom = f"either {evidence.versions[0].name} or {newer.name}" if len(evidence.versions) > 1 else newer.name
    summaries = " and ".join(_summary(version) for version in evidence.versions)
    if evidence.fault or evidence.learned:
        return _not_felt(evidence, summaries)
    if len(evidence.versions) > 1 and evidence.versions[0].name in evidence.between.broken:
        return _mended(evidence, summaries)
    if not evidence.is_judged:
        sentence = f"nothing is seen to be wrong with {whom}, though no newer labels are known: predictions are as they were ({summaries})"
    else:
        sentence = f"nothing is wrong with {whom} on the newest data ({summaries})"
    return Verdict(kind=VerdictKind.NOTHING, sentence=sentence, rollback_helps=False if len(evidence.versions) > 1 else None)


def _not_felt(evidence: Evidence, summaries: str) -> Verdict:
    """The verdict if data broke, and no version does worse for it."""
    rollback_helps = False if len(evidence.versions) > 1 else None
    if evidence.fault:
        sentence = f"the source, not the model: {evidence.fault}; it is not felt yet ({summaries}), mend it before it is"
        return Verdict(kind=VerdictKind.SOURCE, sentence=sentence, rollback_helps=rollback_helps, cause=evidence.fault)
    sentence = f"the training data of {evidence.learned}; it is not felt on the newest data ({summaries}), train again on good data"
    cause = evidence.between.broken[evidence.versions[-1].name]
    return Verdict(kind=VerdictKind.TRAINING, sentence=sentence, rollback_helps=None, cause=cause)


def _versus(worse: Sequence[MetricDifference], better_one: VersionNow) -> str:
    if not worse:
        return ""
    first = worse[0]
    values = (metric.value if metric else None for metric in (first.after, first.before))
    now, other = (score(value) for value in values)
    return f"; {first.name} on the same rows {now}, and {other} by {better_one.name}"


def _summary(version: VersionNow) -> str:
    """Summarize how a version does today: by the metric that fell most, or else by its predictions."""
    if version.problem:
        return version.problem
    parts = []
    if version.refused > MOST_REFUSED:
        parts.append(f"refuses {percent(version.refused)} of today's rows")
    if version.worse:
        first = version.worse[0]
        was, now = (score(metric.value) if metric else "unknown" for metric in (first.before, first.after))
        parts.append(f"{first.name} {was} → {now}")
    if _has_collapsed(version):
        parts.append(_moved_class(version))
    return f"{version.name}: {', '.join(parts) or _steady(version)}"


def _moved_class(version: VersionNow) -> str:
    """Describe the class whose share grew most."""
    then, now = (predicted.shares if predicted else {} for predicted in (version.then, version.now))
    name = max(now, key=lambda label: now[label] - then.get(label, 0.0))
    return f"predicts {legible(name)} for {percent(now[name])} of today's rows (was {percent(then.get(name, 0.0))})"


def _steady(version: VersionNow) -> str:
    known = next((d for d in version.differences if not d.slice and d.before and d.after and d.name in HEADLINE_METRICS), None)
    if known and known.before and known.after:
        return f"{known.name} {score(known.before.value)} → {score(known.after.value)}"
    if version.then and version.now:
        distance = share_distance(version.then.shares, version.now.shares)
        return f"{percent(distance)} of its predictions moved to another {version.now.part}"
    return "no rows to judge it by"
