"""What is said of the text of source.sql before BigQuery sees it."""

from pathlib import Path

import pytest

from components.errors import ModelFolderError
from components.model.source_text import check_text

PATH = Path("models/visits/source.sql")


def refused(text: str) -> str:
    with pytest.raises(ModelFolderError) as error:
        check_text(PATH, text, table="site.visits")
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SELECT 1 FROM {source};", "ends with a semicolon (line 1, column 23): remove it, the query becomes a part of another one"),
        (
            "SELECT 1\n\tFROM {source} ;\n-- done;\n/* ; */\n",
            "ends with a semicolon (line 2, column 16): remove it, the query becomes a part of another one",
        ),
        (
            "DECLARE n INT64;\nSELECT n FROM {source}",
            "goes on after the end of a statement (line 1, column 16): keep one query, without DECLARE, SET and the like",
        ),
        (
            "SELECT '1;' FROM {source}\n; SELECT 2;",
            "goes on after the end of a statement (line 2, column 1): keep one query, without DECLARE, SET and the like",
        ),
        ("\ufeffSELECT 1 FROM {source}", "begins with a byte order mark (line 1, column 1): save it as UTF-8 without one"),
        ("SELECT 1 FROM site.visits", "does not read {source}, the pinned snapshot of site.visits: select from it"),
        ("SELECT 1 FROM site.visits -- not {source}", "does not read {source}, the pinned snapshot of site.visits: select from it"),
        ("# {source}\n/* {source} */ SELECT 1", "does not read {source}, the pinned snapshot of site.visits: select from it"),
        ("SELECT é\nFROM `{source}`", "has {source} between quotes (line 2, column 7): write it without, it becomes a quoted name"),
        ("SELECT '''\n{source}'''", "has {source} between quotes (line 2, column 1): write it without, it becomes a quoted name"),
    ],
)
def test_what_can_be_no_part_of_a_query_is_refused_with_its_place(text: str, sentence: str) -> None:
    assert refused(text) == f"{PATH} {sentence}"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ';', \";\", `;`, r'\\;', b'''it's ; \\''' ''', \"\"\"; \" \"\"\" FROM {source} -- ;",
        "SELECT 'it\\';s' FROM {source} # ;",
        "SELECT 1 /* ; -- */ FROM {source} AS a JOIN {source} AS b ON TRUE",
        "SELECT 'open FROM {source}",  # for BigQuery to refuse
    ],
)
def test_what_stands_in_text_names_and_comments_ends_nothing(text: str) -> None:
    check_text(PATH, text, table="site.visits")
