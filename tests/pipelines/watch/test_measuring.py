"""How fast versions age is measured once for each new version, and a new span is judged by it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from components.decisions.orders import give_order
from components.decisions.record import DONE, OutcomeKind, RecordedDecision, open_measurements, read_decisions, under_way
from components.model.folder import Model, read_model
from components.policy.decision import PolicyVerdict
from components.policy.facts import AgeingFact
from components.settings import REPOSITORY
from components.staleness.record import record_ageing_fact
from pipelines.watch.measuring import measure_in_a_process
from pipelines.watch.model_pass import watch_model
from pipelines.watch.models import watch_once
from pipelines.watch.watcher import MeasurementEnd
from tests.components.visits import Site, day, visits
from tests.pipelines.command_line import CommandLine, small_churn
from tests.pipelines.watch.trainer import watcher_of

WORDS = "measure: nobody has measured how far the versions before version 2 fall behind it"
DOES_NOT_AGE = "a version loses nothing"
DIE = "from tests.pipelines.watch.trainer import watch_and_die\nwatch_and_die(settings, *arguments)"


@dataclass
class Scale:
    """A model whose versions do not age, and who measures it."""

    source: Site
    model: Model
    engine: sa.Engine
    measured: int = 0
    fails: list[str] = field(default_factory=list)
    """With which sentences measurements fail, one after the other."""

    def look(self, *, on_point: Callable[[str], None] = lambda _: None) -> list[str]:
        news: list[str] = []
        watcher = replace(watcher_of(self.source.cloud, news=news, on_point=on_point), measure=self.measure)
        assert watch_once(watcher, (self.model.name,))
        return news

    def measure(self, model: Model) -> MeasurementEnd:
        self.measured += 1
        if self.fails:
            return MeasurementEnd(False, self.fails.pop(0))
        with self.engine.begin() as connection:
            record_ageing_fact(connection, model.name, model.task.decisive_metrics[0], AgeingFact((1, 2), (0.0, 0.0)))
        return MeasurementEnd(True, DOES_NOT_AGE)

    def log(self) -> list[RecordedDecision]:
        with self.engine.connect() as connection:
            return read_decisions(connection, self.model.name)[::-1]

    def load(self, number: int) -> None:
        self.source.load(visits(number), day(number))


@pytest.fixture
def scale(source: Site, watched: Callable[..., Model], engine: sa.Engine) -> Scale:
    """Two versions have been made, and nothing was measured."""
    model = watched()
    toml = model.folder / "model.toml"
    toml.write_text(toml.read_text().replace("training_cost = 0\n", "training_cost = 0.00005\n"))
    scale = Scale(source, model, engine)
    scale.look()
    scale.load(7)
    assert scale.look()[1] == "version: version 2 passed both gates"
    assert scale.measured == 0, "of one version there is nothing to tell"
    return scale


def test_it_is_measured_once_and_a_new_span_is_judged_by_it_in_the_same_look(scale: Scale) -> None:
    scale.load(8)
    words = "the labels of span 2026-03-07 are known, and version 2 knows spans up to 2026-03-06"
    waits = f"wait: {words}, but only 0 of the 5e-05 that a training costs would be gained in a day"
    assert scale.look() == [WORDS, DOES_NOT_AGE, waits]
    assert scale.look() == [], "it was decided"
    assert scale.measured == 1
    measure, wait = scale.log()[-2:]
    assert (measure.verdict, [one.result for one in measure.outcomes]) == (PolicyVerdict.MEASURE, [DONE])
    assert wait.facts["ageing"] == {"ages": [1, 2], "losses": [0.0, 0.0]}
    model = scale.model
    assert model.continuous is not None
    news: list[str] = []
    watch_model(watcher_of(scale.source.cloud, news=news), model, model.continuous.model_copy(update={"training_cost": 0.0}))
    assert news == [f"train: {words}", "version: version 3 passed both gates"]


def test_a_measurement_that_fails_is_tried_as_often_as_a_training_and_the_model_is_trained_then(scale: Scale) -> None:
    scale.load(8)
    scale.fails = ["the bucket is away", "the bucket is away", "the bucket is away"]
    assert [scale.look() for _ in range(3)] == [[WORDS, "the bucket is away"]] * 3
    assert scale.look()[-1] == "version: version 3 passed both gates"
    assert [one.outcome(OutcomeKind.MEASUREMENT) is not None for one in scale.log() if one.verdict is PolicyVerdict.MEASURE] == [True] * 3


@pytest.mark.parametrize("point", ["decided", "measured"])
def test_whoever_is_killed_before_it_was_measured_leaves_it_to_the_next_look(
    scale: Scale, child: Callable[..., subprocess.Popen[str]], point: str
) -> None:
    process = child(DIE, scale.source.settings, scale.model.name, point)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == -9, output
    with scale.engine.connect() as connection:
        assert [name for _, name in open_measurements(connection) if name == scale.model.name] == [scale.model.name]
    assert scale.look() == [DOES_NOT_AGE]
    assert scale.look() == []
    assert [one.verdict for one in scale.log()].count(PolicyVerdict.MEASURE) == 1


class OutOfMemoryKill(BaseException):
    """Ends the watcher, and leaves it no time for a word."""


def test_a_measurement_that_ends_its_watcher_three_times_has_failed_and_is_begun_after_all_others(scale: Scale) -> None:
    def kill(point: str) -> None:
        if point == "begun":
            raise OutOfMemoryKill

    for _ in range(3):
        with pytest.raises(OutOfMemoryKill):
            scale.look(on_point=kill)
    decided = scale.log()[-1]
    assert [claim.attempt for claim in decided.claims] == [1, 2, 3]
    with scale.engine.connect() as connection:
        assert scale.model.name not in [name for _, name in under_way(connection)], "it is no training"
    news = scale.look(on_point=kill)
    words = f"3 measurements ended with the watcher that had begun them, the last on {decided.claims[-1].host}: it may lack the memory"
    assert news[0].startswith(words), news
    assert scale.log()[-1].outcomes[0].result == "failed"


def test_whatever_a_measurement_raises_is_its_outcome_and_the_looks_go_on(scale: Scale, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Model) -> MeasurementEnd:
        raise OSError(12, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(scale, "measure", refuse)
        assert scale.look() == [WORDS, "OSError: [Errno 12] Cannot allocate memory"]
    assert scale.look() == [WORDS, DOES_NOT_AGE]


def test_what_was_decided_waits_while_the_model_is_paused_and_is_withdrawn_with_its_policy(scale: Scale) -> None:
    def order(action: str) -> Callable[[str], None]:
        def give(point: str) -> None:
            if point == "decided":
                with scale.engine.begin() as connection:
                    give_order(connection, scale.model.name, action, actor="me", reason="a move of the data")

        return give

    assert scale.look(on_point=order("pause")) == [WORDS]
    assert scale.measured == 0
    toml = scale.model.folder / "model.toml"
    whole = toml.read_text()
    toml.write_text(whole.partition("[continuous]")[0])
    assert scale.look()[-1] == "it is not measured any more, since model.toml has no section [continuous]"
    toml.write_text(whole)
    order("resume")("decided")
    assert scale.look() == [WORDS, DOES_NOT_AGE]


def test_two_watchers_measure_once(scale: Scale) -> None:
    told: list[list[str]] = []

    def another(point: str) -> None:
        if point == "decided":
            told.append(scale.look())

    assert scale.look(on_point=another) == [WORDS, DOES_NOT_AGE]
    assert told == [[]], "it is decided, and the other one is at it"
    assert scale.look() == []
    assert (scale.measured, len([one for one in scale.log() if one.verdict is PolicyVerdict.MEASURE])) == (1, 1)


def test_a_measurement_is_a_process_of_its_own_that_says_why_it_did_not_come_to_its_end(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_churn(command_line.settings.models_folder, "unmade")
    for name, value in command_line.environment.items():
        monkeypatch.setenv(name, value)
    end = measure_in_a_process(read_model(command_line.settings.models_folder, "unmade"))
    assert (end.is_done, end.sentence.partition(":")[0]) == (False, "model 'unmade' is not in the registry")


@pytest.mark.parametrize(
    ("said", "is_done", "sentence"),
    [
        ('{"error": "no two versions", "is_final": true}', True, "no two versions"),
        ('{"error": "no two versions: the table is away", "is_final": false}', False, "no two versions: the table is away"),
        ('{"error": "the bucket is away"}', False, "the bucket is away"),
        ('{"headline": "a version loses nothing"}', True, "a version loses nothing"),
        ("", False, "`perennial staleness churn` ended with exit code 3 and said nothing"),
        *((text, False, "… exit code 3 and said something else than the JSON that was asked for") for text in ("\\377", "{}", "[]", "3")),
    ],
)
def test_what_a_measurement_says_tells_whether_it_is_known_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, is_done: bool, sentence: str
) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nprintf '{said}'\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    end = measure_in_a_process(read_model(REPOSITORY / "pipelines" / "models", "churn"))
    assert end.is_done is is_done
    assert end.sentence.endswith(sentence.removeprefix("… "))
