"""How fast versions age is measured once for each new version, and a new span is judged by it."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
import sqlalchemy as sa

from components.decisions.record import DONE, OutcomeKind, RecordedDecision, open_measurements, read_decisions
from components.model.folder import Model, read_model
from components.policy.decide import PolicyVerdict
from components.policy.facts import AgeingFact
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
