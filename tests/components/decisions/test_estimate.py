"""What a training would read of BigQuery, and that no query reads without a limit."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.decisions.sizes import training_bytes
from components.errors import SourceError
from components.snapshot.source import read_history, read_source_table
from tests.components.visits import Site, day


def test_what_a_training_reads_is_known_beforehand_and_limited(site: Site) -> None:
    model = site.model()
    history = read_history(site.cloud, read_source_table(site.cloud, model), model.source.partition_field)
    assert training_bytes(site.cloud, model, day(6), history) > 0
    limited = replace(site, settings=site.settings.model_copy(update={"maximum_bytes_billed": 1}))
    with pytest.raises(
        SourceError, match=r"a query of it would read [\d,]+ bytes, and PERENNIAL_MAXIMUM_BYTES_BILLED is 1: narrow the window"
    ):
        training_bytes(limited.cloud, model, day(6), history)


def test_every_query_has_a_limit_of_bytes_or_is_a_dry_run() -> None:
    configs = [(path, call) for path in Path("components").rglob("*.py") for call in _configs(ast.parse(path.read_text()))]
    assert len(configs) > 8
    unlimited = [
        f"{path}:{call.lineno}" for path, call in configs if not {one.arg for one in call.keywords} & {"maximum_bytes_billed", "dry_run"}
    ]
    assert unlimited == []


def _configs(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "QueryJobConfig":
            yield node
