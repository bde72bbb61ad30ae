"""What the tests of whole pipelines share: one shop with all its purchases, and small models of it."""

from pathlib import Path

import pytest

from components.google import bigquery_client
from components.model.folder import read_model
from components.settings import Settings
from pipelines.local.seed import seed
from pipelines.local.services import prepare
from tests.pipelines.command_line import CHURN, CommandLine, small_churn


@pytest.fixture(scope="session")
def shop(warm: Settings) -> Settings:
    """The services with the registry's tables, the bucket and all purchases of CDNOW."""
    prepare(warm)
    seed(bigquery_client(warm), warm, read_model(CHURN.parent, "churn"), through=None, progress=lambda done, of: None)
    return warm


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the small churn."""
    folder = tmp_path_factory.mktemp("models")
    small_churn(folder)
    return folder


@pytest.fixture(scope="session")
def command_line(shop: Settings, models_folder: Path) -> CommandLine:
    """`perennial` on the shop's services and the small models."""
    return CommandLine(shop.model_copy(update={"models_folder": models_folder}))
