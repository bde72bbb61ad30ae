"""A version with all that an export can tell, in words that would be markup if nobody escaped them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from components.evaluation.metric import Check, Metric
from components.export.exported_version import Exported, read_exported
from components.model.folder import Model, read_model
from components.registry.versions import NewVersion
from tests.components.deployment.deploying import deploy
from tests.components.recorded import register
from tests.components.visits import write_model

HOSTILE = "<script>alert(1)</script> | [x](https://x.example) `a` **b** https://y.example \u202e $c$"
SIGNATURE = {"name": "serving_default", "inputs": {"examples": "string [batch]"}, "outputs": {"score": "float32 [batch, 1]"}}
CARD = """
overview = "Says who comes back."
contact = "site@example.com"
licence = "Apache-2.0"
references = ["https://site.example/model"]
citations = ["Site (2026)"]
users = ["People who plan servers"]
use_cases = ["Plan how many servers run tomorrow"]
limitations = ["Knows nothing of holidays"]
tradeoffs = ["Rather too many servers than too few"]

[[risks]]
name = "Visitors on old phones are served worse"
mitigation = "Slice `device` has a threshold of its own"

[[data]]
name = "Visits of site.example"
licence = "CC-BY-4.0"
link = "https://site.example/data"
sensitive = ["visitor: a number that stands for a person"]
"""

MakeVersion = Callable[..., NewVersion]


def metrics() -> tuple[Metric, ...]:
    """Overall and by slice, with and without bounds, and one that is no number."""
    return (
        Metric("auc", {}, 0.8125, 0.79, 0.83, 1000),
        Metric("auc", {"device": "phone"}, 0.75, 0.5, 0.9, 400),
        Metric("auc", {"device": HOSTILE}, 0.7, None, None, 5),
        Metric("precision", {}, float("nan"), None, None, 1000),
    )


def register_measured(connection: sa.Connection, new: NewVersion, *, blessed: bool = True) -> int:
    """Register a version, measured and judged."""
    checks = (Check("auc", {}, "at least 0.6", 0.8125, passed=True), Check("auc", {"device": HOSTILE}, "at least 0.6", 0.7, passed=blessed))
    return register(connection, replace(new, signature=SIGNATURE), metrics=metrics(), blessed=blessed, checks=checks)


def folder_of(models_folder: Path, name: str, *, card: str | None = CARD, title: str = "Who comes back?") -> Model:
    """The folder of a model, with or without words of its own."""
    folder = write_model(models_folder, name=name, toml={"Will the visitor come back tomorrow?": title})
    if card is not None:
        (folder / "card.toml").write_text(card)
    return read_model(models_folder, name)


def exported(connection: sa.Connection, new_version: MakeVersion, models_folder: Path, *, live_on: tuple[str, ...] = ()) -> Exported:
    """A version of a folder with words, live on targets."""
    new = new_version(connection)
    number = register_measured(connection, new)
    for target in live_on:
        deploy(connection, new.model, number, target=target)
    return read_exported(connection, folder_of(models_folder, new.model), number)
