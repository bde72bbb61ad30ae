"""A version as a model card: valid in the published format, complete, escaped, the same bytes again."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sqlalchemy as sa
import yaml
from markdown_it import MarkdownIt

from components.errors import ModelFolderError, RegistryError
from components.export.card import card_json
from components.export.card_files import write_card
from components.export.card_text import _escaped, card_text
from components.export.exported_version import Exported, read_exported
from components.model.card import CardFile, read_card_file
from components.model.folder import read_model
from components.registry.versions import NewVersion
from tests.components.export.exporting import HOSTILE, exported, folder_of, register_measured
from tests.components.recorded import deployed

MakeVersion = Callable[..., NewVersion]
TOOLKIT = "model-card-toolkit==2.0.0"
"""Of Google, Apache License 2.0: the schema is read from the package as it was published, and not kept here."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("toolkit")
    subprocess.run(["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), TOOLKIT], check=True)
    found: dict[str, Any] = json.loads((folder / "model_card_toolkit/schema/v0.0.2/model_card.schema.json").read_text())
    return found


@pytest.fixture
def version(connection: sa.Connection, new_version: MakeVersion, tmp_path: Path) -> Exported:
    return exported(connection, new_version, tmp_path, live_on=("prod", "staging"))


def html(text: str) -> str:
    """As a reader of tables and addresses shows it, without the metadata."""
    _, _, body = text.split("---\n", 2)
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(body))


def test_the_card_is_valid_in_the_toolkits_schema(version: Exported, schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(json.loads(card_json(version)), schema, jsonschema.Draft7Validator)


def test_a_card_that_is_not_in_the_format_would_be_found(version: Exported, schema: dict[str, Any]) -> None:
    card = json.loads(card_json(version))
    card["quantitative_analysis"]["performance_metrics"][0]["value"] = 0.8
    with pytest.raises(jsonschema.ValidationError, match="0.8 is not of type 'string'"):
        jsonschema.validate(card, schema, jsonschema.Draft7Validator)


def closed(schema: Any) -> Any:
    """The schema without room for other fields, which the toolkit's own reader refuses."""
    if isinstance(schema, dict):
        extra = {"additionalProperties": False} if "properties" in schema else {}
        return {name: closed(part) for name, part in schema.items()} | extra
    return schema


def test_the_card_has_no_field_that_the_toolkit_does_not_read(version: Exported, schema: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(card_json(version)), closed(schema), jsonschema.Draft7Validator)


def test_the_card_says_what_the_registry_knows(version: Exported) -> None:
    story = version.story
    details, parameters, analysis, _ = list(json.loads(card_json(version)).values())[1:]
    assert (details["name"], details["version"]["name"], details["overview"]) == (story.model, "1", "Says who comes back.")
    assert details["owners"] == [{"name": "site", "contact": "site@example.com"}]
    assert details["path"] == story.manifest.uri
    for fact in (
        story.run.run.run_id,
        "c" * 40,
        f"sha256:{'b' * 64}",
        story.manifest.sha256,
        "saved_model.pb: 1,000 bytes",
        "prod, staging",
    ):
        assert fact in details["documentation"]
    assert "1998-04-01 to 1998-05-31 by day, 1,000 rows" in parameters["data"][0]["description"]
    assert story.snapshot.snapshot_id in parameters["data"][0]["description"]
    assert parameters["data"][1]["sensitive"] == {"sensitive_data": ["visitor: a number that stands for a person"]}
    assert parameters["output_format_map"] == [{"key": "score", "value": "float32 [batch, 1]"}]
    assert analysis["performance_metrics"][0] == {
        "type": "auc",
        "value": "0.8125",
        "confidence_interval": {"lower_bound": "0.79", "upper_bound": "0.83"},
    }
    assert [(metric.get("slice"), metric["value"]) for metric in analysis["performance_metrics"]][1:] == [
        (f"device={HOSTILE}", "0.7"),
        ("device=phone", "0.75"),
        (None, "nan"),
    ]


def test_what_nobody_stated_is_left_out(
    connection: sa.Connection, new_version: MakeVersion, tmp_path: Path, schema: dict[str, Any]
) -> None:
    new = new_version(connection)
    number = register_measured(connection, new)
    plain = read_exported(connection, folder_of(tmp_path, new.model, card=None), number)
    card = json.loads(card_json(plain))
    jsonschema.validate(card, schema, jsonschema.Draft7Validator)
    assert "considerations" not in card
    assert "licenses" not in card["model_details"]
    assert "Not stated by the owner: intended users, intended uses, limitations, trade-offs, risks." in card_text(plain)
    assert "It was never deployed." in card_text(plain)


def test_the_text_is_complete(version: Exported) -> None:
    text = card_text(version)
    assert "| precision | all rows | NaN | – | 1,000 |" in text
    assert "| auc | all rows | 0.8125 | 0.7900 to 0.8300 | 1,000 |" in text
    assert "| auc | all rows | eval | at least 0.6 | 0.8125 | – | yes |" in text
    assert f"| `saved_model.pb` | 1,000 | `{'f' * 64}` |" in text
    assert "- Plan how many servers run tomorrow" in text
    assert "### Limitations\n\n- Knows nothing of holidays\n" in text
    assert f'tf.saved_model.load("{version.model.name}").signatures["serving_default"]' in text
    assert "| Live on | prod, staging |" in text


def test_the_metadata_is_what_hugging_face_reads(version: Exported) -> None:
    metadata = yaml.safe_load(card_text(version).split("---\n")[1])
    assert (metadata["license"], metadata["pipeline_tag"], metadata["library_name"]) == (
        "apache-2.0",
        "tabular-classification",
        "tensorflow",
    )
    (index,) = metadata["model-index"]
    assert [result["metrics"][0]["value"] for result in index["results"]] == [0.8125, 0.7, 0.75]
    assert index["results"][1]["dataset"]["args"] == {"device": HOSTILE}
    assert index["results"][0]["dataset"]["revision"] == version.story.snapshot.snapshot_id


def test_nothing_that_others_wrote_is_markup(connection: sa.Connection, new_version: MakeVersion, tmp_path: Path) -> None:
    version = exported(connection, new_version, tmp_path)
    event = deployed(version.model.name, "prod", by=HOSTILE, because=f"# {HOSTILE}\n\n1. one", at=version.story.created_at)
    model = version.model.model_copy(update={"title": HOSTILE, "owner": f"- {HOSTILE}"})
    hostile = replace(version, model=model, story=replace(version.story, deployments=(event,)))
    text, page = card_text(hostile), html(card_text(hostile))
    assert "<script" not in text.replace("\\<", "")
    assert "<script" not in card_json(hostile)
    for tag in ("<a ", "<strong", "<em", "<img", "<h1>#"):
        assert tag not in page
    assert page.count("<h1>") == 1
    assert "\u202e" not in text and "\\\\u202e" in text
    shown = "&lt;script&gt;alert(1)&lt;/script&gt; | [x](https://x.example) `a` **b** https://y.example"
    assert page.count(shown) == 6  # question, owner, actor, reason, and the slice twice


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("10) a", r"10\) a"),
        ("a - b", "a - b"),
        ("a\n\n# b", r"a \# b"),
        ("@all", r"\@all"),
        ("https://a.example", r"https\://a.example"),
        ("www.a.example", r"www\.a.example"),
        ("__a__ b_c _d", r"\_\_a\_\_ b_c \_d"),
        ("0.5 at 12:30", "0.5 at 12:30"),
        ("a &lt; <b>", r"a \&lt; \<b>"),
        ("> a", r"\> a"),
        ("\x00\x1b[31m", r"\\x00\\x1b\[31m"),
        ("x" * 1100, "x" * 1000 + "… (100 more characters)"),
    ],
)
def test_a_text_is_one_line_of_text(text: str, shown: str) -> None:
    assert _escaped(text) == shown


def test_the_same_version_gives_the_same_bytes(connection: sa.Connection, version: Exported, tmp_path: Path) -> None:
    again = read_exported(connection, read_model(tmp_path, version.model.name), 1)
    first, second = write_card(version, tmp_path / "one"), write_card(again, tmp_path / "two")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [path.name for path in first] == ["model_card.json", "README.md"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["README.md", "model_card.json"]


def test_a_folder_that_cannot_be_written_is_named(version: Exported, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match=f"the card cannot be written into {tmp_path}/file/x .*: name another folder with -o"):
        write_card(version, tmp_path / "file" / "x")


def test_a_card_file_is_no_part_of_the_models_code(tmp_path: Path) -> None:
    without = folder_of(tmp_path, "site", card=None).code_sha256()
    assert folder_of(tmp_path, "site").code_sha256() == without
    assert read_card_file(tmp_path / "nowhere") == CardFile()


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ("users = 'x'", "users = 'x': write a list, ['x']"),
        ("user = ['x']", "user is unknown"),
        ("users = ['']", "users.0 = '': String should have at least 1 character"),
        ("licence = 'my own'", "licence = 'my own': String should match pattern"),
        ("references = ['javascript:alert(1)']", "references.0 = 'javascript:alert(1)': String should match pattern"),
        (f"overview = '{'x' * 1001}'", "String should have at most 1000 characters"),
        ("users = [", "is not TOML in UTF-8"),
    ],
)
def test_a_card_file_that_is_not_as_it_must_be_is_refused(tmp_path: Path, card: str, why: str) -> None:
    folder = folder_of(tmp_path, "site", card=card).folder
    with pytest.raises(ModelFolderError) as error:
        read_card_file(folder)
    assert str(error.value).startswith(f"{folder / 'card.toml'}")
    assert why in str(error.value)
