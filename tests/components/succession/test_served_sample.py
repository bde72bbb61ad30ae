"""A version that is bad from its first day is named after a few settled days, since the version before it is asked the same rows."""

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from components.errors import StorageFullError
from components.labels.log_query import LogQuery
from components.policy.facts import Cause
from components.storage.manifest import CODE
from components.succession import served_sample
from components.succession.served_sample import Succession, read_shortfalls
from components.training.servable import save_servable
from components.training.signatures import Signatures
from tests.components.monitoring.served import FEATURES, TARGET, TRAINED, Served, served, trained, visits  # noqa: F401
from tests.components.visits import day

GOOD, BAD = (1.0, 0.0), (0.2, 1.0)


def save(one: Served, folder: Path, weights: tuple[float, float]) -> Path:
    """A version that scores by the pages of a visit, and by what its seconds have nothing to do with."""
    import tensorflow as tf

    network = tf.Module()
    network.weights = tf.Variable(weights)

    def score(features: Mapping[str, Any]) -> Any:
        pages, seconds = tf.cast(features["pages"], tf.float32), features["seconds"]
        return tf.sigmoid(network.weights[0] * (pages - 3.0) + network.weights[1] * tf.sin(9.0 * seconds))

    save_servable(score, Signatures(FEATURES, 1), [network], folder)
    shutil.copytree(one.model.folder, folder / CODE)
    return folder


def day_of(number: int, weights: tuple[float, float]) -> list[dict[str, Any]]:
    """Visits on which whoever has seen many pages is likely to return, as a version scores them."""

    def change(row: dict[str, Any]) -> dict[str, Any]:
        score = 1 / (1 + np.exp(-(weights[0] * (row["pages"] - 3) + weights[1] * np.sin(np.float32(9) * np.float32(row["seconds"])))))
        return row | {"returned": int((row["visitor"] * 37 + number * 11) % 10 < 2 * row["pages"] - 1), "score": float(score)}

    return visits(number, change)


def serve(one: Served, days: range, version: int, weights: tuple[float, float], **hidden: Any) -> list[date]:
    for number in days:
        rows = day_of(number, weights)
        one.serve([row | hidden for row in rows], version=version)
        one.label(number, rows)
    return [day(number) for number in days]


def test_what_both_say_of_the_same_rows_tells_the_worse_one(
    served: Served,  # noqa: F811
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good, bad = (served.register(save(served, tmp_path / name, weights)) for name, weights in (("good", GOOD), ("bad", BAD)))
    query = LogQuery(served.site.cloud, served.model, TARGET, day(12))
    days = {good: serve(served, range(1, 4), good, GOOD), bad: serve(served, range(4, 7), bad, BAD)}
    (found, day_before) = read_shortfalls(query, Succession(version=bad, before=good), days[bad], 2)
    assert found is not None
    assert (found.before, found.rows, found.since, found.last) == (good, 600, day(4), day(6))
    assert found.value_before > 0.75 > 0.7 > found.value
    assert day_before is not None
    assert read_shortfalls(query, Succession(version=good, before=bad), days[good], 1) == [None]
    hidden = serve(served, range(8, 10), bad, BAD, seconds=0.0)
    assert caplog.records == [] or all(one.name != "components.succession.served_sample" for one in caplog.records)
    assert read_shortfalls(query, Succession(version=bad, before=good), hidden, 1) == [None]
    assert read_shortfalls(query, Succession(version=bad, before=served.register()), hidden, 1) == [None]
    told = [one.__dict__["error"] for one in caplog.records if one.name == "components.succession.served_sample"]
    assert "such as sensitive columns" in told[0]
    assert "cannot be read" in told[1]

    def full(*_: object) -> NoReturn:
        raise StorageFullError("the disk has no room")

    monkeypatch.setattr(served_sample, "load_version", full)
    assert read_shortfalls(query, Succession(version=bad, before=good), days[bad], 1) == [None], "other alarms are told all the same"


def test_a_bad_version_is_named_until_it_serves_no_longer(trained: Served, tmp_path: Path) -> None:  # noqa: F811
    good, bad = (
        trained.train({number: day_of(number, weights) for number in range(1, TRAINED + 1)}, save(trained, tmp_path / name, weights))
        for name, weights in (("good", GOOD), ("bad", BAD))
    )
    serve(trained, range(8, 11), good, GOOD)
    serve(trained, range(11, 14), bad, BAD)
    trained.monitor(14)
    (alarm,) = [one for one in trained.alarms() if one.standing.cause.kind is Cause.BAD_VERSION]
    assert (alarm.subject.version, alarm.subject.subject, alarm.subject.slice) == (bad, "auc", {})
    assert alarm.headline.endswith(f": version {good}, asked the same rows, is better: roll back")
    assert f"and that of version {good} on the same rows is 0." in alarm.headline
    trained.monitor(14)
    assert [one.seq for one in trained.alarms() if one.alarm_id == alarm.alarm_id] == [1]
    serve(trained, range(14, 17), good, GOOD)
    trained.monitor(17)
    assert [one for one in trained.alarms() if one.standing.cause.kind is Cause.BAD_VERSION] == []
