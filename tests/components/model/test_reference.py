"""docs/model-toml.md has every key of model.toml, as the types that parse it say."""

import tomllib

import pytest

from components.settings import REPOSITORY
from tests.components.model.reference import Table, keys, meaning, reference, tables

PAGE = REPOSITORY / "docs" / "model-toml.md"
TABLES = list(tables())


def test_the_page_is_what_the_types_say(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--renew-goldens"):
        PAGE.write_text(reference(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == reference(), "docs/model-toml.md is out of date: renew it with `make goldens`"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.heading or "top")
def test_every_key_says_what_it_means(table: Table) -> None:
    assert [key for key in keys(table) if not meaning(table.kind, key)] == []


def test_every_section_of_the_examples_is_on_the_page() -> None:
    headings = {table.heading.strip("[]") for table in TABLES}
    files = sorted((REPOSITORY / "pipelines" / "models").glob("*/model.toml"))
    used = {name for file in files for name, value in tomllib.loads(file.read_text()).items() if isinstance(value, dict)}
    assert len(files) >= 3
    assert used <= headings


@pytest.mark.parametrize(
    "row",
    [
        "| `history_days` | whole number, 1 to 36,500 | required | ",
        "| `learning_rate` | number, more than 0, at most 100 | required | ",
        '| `task` | `"binary_classification"`, `"multiclass_classification"` or `"regression"` | required | ',
        '| `at` | time of day | `"05:00"` | ',
        "| `classes` | list of at most 20 of: identifier | `[]` | ",
        '| `split` | `"eval"` or `"newest"` | `"eval"` | ',
        '| `deploy` | table, of each name: `"at once"`, `"after approval"`, `"as a canary"`, `"shadow first"` or `"never"` | `{}` | ',
        "| `type` | text | none | BigQuery's type that the column has now, ",
    ],
)
def test_a_key_has_its_type_and_default(row: str) -> None:
    assert f"\n{row}" in reference()
