"""What could be seen live of what was left to be mended, and of versions that went live in steps."""

from collections.abc import Callable

import pytest

from components.database.statements import execute
from components.monitoring.alarms import AlarmCause, AlarmKind, AlarmStanding, AlarmState, AlarmSubject, all_alarms, record_standing
from components.policy.facts import AlarmFact, Cause
from tests.components.served_model import saved_model  # noqa: F401
from tests.pipelines.watch.house import House, make_house  # noqa: F401
from tests.pipelines.watch.test_rolling_out import CANARY, begun, measure, run_of, tomorrow


def alarm(house: House, cause: Cause, state: AlarmState, seq: int, *, run_id: str) -> str:
    """An alarm about what is live on prod. Returns its id."""
    subject = AlarmSubject(
        model=house.model.name, version=1, target="prod", role="live", kind=AlarmKind.METRIC, subject="auc", slice={}, since=tomorrow()
    )
    found = AlarmCause(kind=cause, slice={}, sentence="")
    standing = AlarmStanding(state=state, day=tomorrow(seq), loss=0.2, rows=120, sentence="auc is 0.52", cause=found)
    with house.cloud.engine.begin() as connection:
        record_standing(connection, subject, standing, seq=seq, run_id=run_id)
        return str(all_alarms(connection, house.model.name)[0].alarm_id)


@pytest.mark.parametrize("cause", [Cause.UNKNOWN, Cause.SERVING_FAULT, Cause.BROKEN_SOURCE])
def test_what_was_to_be_mended_is_closed_with_its_alarm(make_house: Callable[[str], House], cause: Cause) -> None:  # noqa: F811
    house = make_house('triggers = ["new_partition"]\n')
    house.watch()
    run_id = run_of(house)
    alarm_id = alarm(house, cause, AlarmState.OPEN, 1, run_id=run_id)
    house.alarms = [AlarmFact(alarm_id, cause, "auc is 0.52")]
    (told,) = house.watch()
    assert told.startswith("mend: ")
    house.alarms = []
    assert house.watch() == []
    alarm(house, cause, AlarmState.CLOSED, 2, run_id=run_id)
    assert house.watch() == [f"decision {house.last_decision()}: alarm {alarm_id} is closed since {tomorrow(2)}"]


def test_steps_on_the_way_to_a_target_have_no_effect_of_their_own(make_house: Callable[[str], House]) -> None:  # noqa: F811
    house = begun(make_house(CANARY))
    house.watch()
    measure(house, "canary", 2)
    house.watch()
    with house.cloud.engine.connect() as connection:
        due = [row.subject for row in execute(connection, "decisions.without_effect", model=house.model.name)]
    assert due == ["prod"], "of version 1"
