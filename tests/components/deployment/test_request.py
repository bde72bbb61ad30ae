"""What people type is refused in one sentence before anything is done with it."""

import getpass
import socket
from collections.abc import Callable
from typing import Any

import pytest

from components.deployment.request import new_request
from components.errors import PerennialError
from components.registry.deployments import Action
from components.settings import Settings

SETTINGS = Settings(
    project="p", bucket="b", cloudsql_instance="p:r:i", database_user="trainer@p.iam", cloudsql_endpoint="http://127.0.0.1:1"
)
HOSTILE = ["", "'; DROP TABLE registry.model; --", "../../etc/passwd", "a/b", "churn\0", "churn\n", "a\u202eb", "x" * 10_000, "Ж", "\udcff"]


def request(settings: Settings = SETTINGS, **changes: Any) -> Any:
    return new_request(settings, Action.DEPLOY, **{"model": "churn", "version": 1, "target": "prod", "reason": "better", **changes})


def refusal(ask: Callable[[], object]) -> str:
    with pytest.raises(PerennialError) as error:
        ask()
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300
    return str(error.value)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_refused(text: str) -> None:
    assert "is not the name of a model: use a-z, 0-9 and _" in refusal(lambda: request(model=text))
    assert "is unknown: choose local, staging, prod, or add it to PERENNIAL_TARGETS" in refusal(lambda: request(target=text))
    if text != "a/b":
        assert "is not the id of a request" in refusal(lambda: request(request_id=text))


def test_a_reason_is_one_line_that_says_something() -> None:
    assert " has nothing: say why in one line of at most 1,000 characters" in refusal(lambda: request(reason=" \t"))
    assert request(reason="  better ").reason == "better"


def test_each_request_is_one_of_its_own_unless_it_has_an_id() -> None:
    assert request().request_id != request().request_id
    assert request(request_id="ci/job-7:1").request_id == "ci/job-7:1"


def test_who_asks_is_the_person_here_and_the_account_in_the_cloud() -> None:
    assert request().actor == f"{getpass.getuser()}@{socket.gethostname()}"
    assert request(SETTINGS.model_copy(update={"cloudsql_endpoint": None})).actor == "trainer@p.iam"


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert request().actor.startswith("uid ")
