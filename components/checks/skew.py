"""Training-serving skew: a feature should have the same values in the serving log and in the training rows."""

from datetime import timedelta

from components.checks.findings import Finding
from components.cloud import Cloud
from components.errors import SourceError
from components.looks.data_check import DataCheck, Severity
from components.looks.deviation import LEAST_ROWS
from components.looks.drift import judge_drift, measure_distance
from components.model.folder import Model
from components.profiles.log import profile_log
from components.profiles.profile import ColumnProfiles, Profiles, profiles_by_span, sum_profiles
from components.snapshot.document import Snapshot
from components.wording import percent

LOGGED_DAYS = 28
"""How many days of the log are read, the last of them that of the last pinned partition."""
REMEDY = "compute the feature in serving as source.sql does; if the world moved, train on newer spans"


def find_skew(cloud: Cloud, model: Model, snapshot: Snapshot, profiles: Profiles) -> list[Finding]:
    """Compare what was logged in the last weeks with the window's rows.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    last = snapshot.partitions[-1].day
    try:
        logged = profile_log(cloud, model, last - timedelta(days=LOGGED_DAYS - 1), last)
    except SourceError as error:
        what = f"what is served cannot be held against the training rows: {error}"
        return [_warning("", what, "look at the prediction service", measure=0.0, threshold=0.0)]
    return _check_skew(model, profiles, sum_profiles(logged.values()))


def _check_skew(model: Model, profiles: Profiles, logged: ColumnProfiles) -> list[Finding]:
    """Find features that are served with other values than the model is trained on. They only warn: serving is ahead of the labels.

    Args:
        model: names the ignored columns and the threshold.
        profiles: the profiles of the spans' rows.
        logged: the profiles of the features that were served.
    """
    trained, findings = sum_profiles(profiles_by_span(profiles).values()), []
    for name in trained.keys() & logged.keys() - {model.rows.label, *model.checks.ignore}:
        now, before = logged[name], trained[name]
        if min(now.rows, before.rows) < LEAST_ROWS:
            continue
        what = "is served with other values than it is trained on"
        checks = model.checks.of(name)
        drift = judge_drift(measure_distance(before, now), now, checks.skew, checks, what=what, remedy=REMEDY)
        lost = now.nulls / now.rows - before.nulls / before.rows
        if drift is not None:
            findings.append(_warning(name, drift.what, REMEDY, measure=drift.measure, threshold=drift.threshold))
        elif lost > checks.null_share:
            what = f"is NULL in {percent(now.nulls / now.rows)} of what is served"
            findings.append(_warning(name, what, REMEDY, measure=lost, threshold=checks.null_share))
    return sorted(findings, key=lambda finding: finding.column)


def _warning(column: str, what: str, remedy: str, *, measure: float, threshold: float) -> Finding:
    return Finding(
        check=DataCheck.SKEW,
        level="rows",
        column=column,
        what=what,
        remedy=remedy,
        days=LOGGED_DAYS,
        measure=measure,
        threshold=threshold,
        touched=min(1.0, measure),
        severity=Severity.WARNS,
    )
