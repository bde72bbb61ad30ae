"""Wrong settings and credentials: each gives one sentence that names instance, user and remedy."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from components.settings import Settings
from tests.components.database.connecting import PREFIX, TIMEOUT_SECONDS, refusal
from tests.infra.emulators.cloud_sql_process import CloudSqlProcess


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"database_user": "nobody@perennial-test.iam"},
            '"nobody@perennial-test.iam"; correct PERENNIAL_DATABASE_USER, or add it to the instance\'s IAM users',
        ),
        (
            {"database_user": "postgres", "database_password": SecretStr("wrong")},
            'password authentication failed for user "postgres"; correct PERENNIAL_DATABASE_USER or PERENNIAL_DATABASE_PASSWORD',
        ),
        ({"database": "nowhere"}, 'database "nowhere" does not exist; correct PERENNIAL_DATABASE'),
        ({"cloudsql_instance": "perennial-test:europe-west1:nothing"}, "it does not exist; correct PERENNIAL_CLOUDSQL_INSTANCE"),
        ({"cloudsql_instance": "perennial-test:us-central1:registry"}, "correct PERENNIAL_CLOUDSQL_INSTANCE or PERENNIAL_CLOUDSQL_IP_TYPE"),
        ({"cloudsql_instance": "registry"}, "correct PERENNIAL_CLOUDSQL_INSTANCE or PERENNIAL_CLOUDSQL_IP_TYPE"),
        ({"cloudsql_ip_type": "PRIVATE"}, "matching preference: PRIVATE; correct PERENNIAL_CLOUDSQL_IP_TYPE"),
        ({"cloudsql_ip_type": "NEAR"}, "correct PERENNIAL_CLOUDSQL_INSTANCE or PERENNIAL_CLOUDSQL_IP_TYPE"),
        ({"cloudsql_endpoint": "http://127.0.0.1:9"}, "run `perennial up`"),
        (
            {"credentials_file": Path("/nowhere/key.json")},
            "credentials file /nowhere/key.json does not exist: run `perennial up`, or correct",
        ),
    ],
)
def test_a_wrong_setting_gives_one_sentence_that_names_it(
    open_engine: Callable[..., sa.Engine], hasty: Settings, changes: dict[str, object], sentence: str
) -> None:
    said = refusal(open_engine(hasty.model_copy(update=changes)), within_seconds=TIMEOUT_SECONDS)
    assert sentence in said
    assert "\n" not in said


def test_a_key_that_the_instance_does_not_know_gives_one_sentence(
    open_engine: Callable[..., sa.Engine], hasty: Settings, cloud_sql: CloudSqlProcess, tmp_path: Path
) -> None:
    stale = re.sub("trainer@", "former@", cloud_sql.credentials_file.read_text())
    (tmp_path / "key.json").write_text(stale)
    engine = open_engine(hasty.model_copy(update={"credentials_file": tmp_path / "key.json"}))
    assert refusal(engine, within_seconds=TIMEOUT_SECONDS) == (
        f"{PREFIX}there is no access token (invalid_grant: Invalid grant: account not found); run `perennial up`, or correct"
        " PERENNIAL_CREDENTIALS_FILE"
    )
