"""What is said of the text of source.sql before BigQuery sees it."""

from pathlib import Path

import pytest

from components.errors import ModelFolderError
from components.model.source_text import check_class_order, check_look_back, check_text

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


CLASSES = ("bronze", "gold", "silver")
LABEL = "CASE tier WHEN 'bronze' THEN 0 WHEN 'silver' THEN 2 WHEN 'gold' THEN 1 END AS tier"
WRONG = "CASE tier WHEN 'bronze' THEN 1 WHEN 'silver' THEN 2 WHEN 'gold' THEN 0 END AS tier"


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT CASE last_tier WHEN 'bronze' THEN 1 WHEN 'silver' THEN 2 WHEN 'gold' THEN 3 END AS rank, {LABEL} FROM {{source}}",
        f"SELECT {LABEL}, CASE last_tier WHEN 'bronze' THEN 1 WHEN 'silver' THEN 2 WHEN 'gold' THEN 3 END AS rank FROM {{source}}",
        WRONG.replace("AS tier", "AS rank"),
        WRONG.replace("THEN 1", "THEN 0.1").replace("THEN 2", "THEN 0.5").replace("THEN 0 ", "THEN 0.9 "),
        f"-- {WRONG}\nSELECT {LABEL} /* {WRONG} */",
        LABEL.replace("WHEN 'gold'", "-- WHEN 'gold' THEN 0\n WHEN 'gold'"),
        "CASE WHEN tier <> 'bronze' THEN 1 WHEN tier <> 'silver' THEN 0 WHEN tier <> 'gold' THEN 0 END AS tier",
        f"CASE WHEN old THEN {WRONG.removesuffix(' AS tier')} ELSE 0 END AS tier",
        "SELECT 'END AS tier', CASE WHEN 'gold' THEN 0",
    ],
)
def test_only_the_label_numbers_classes(text: str) -> None:
    check_class_order(PATH, text, CLASSES, label="tier")


@pytest.mark.parametrize("text", [WRONG, f"SELECT CASE WHEN a THEN 'x''END' END AS rank, {WRONG}", WRONG.replace("AS tier", "`Tier`")])
def test_a_label_that_numbers_classes_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ModelFolderError, match=r"makes 1 of 'bronze' \(line 1, column \d+\), which has position 0 in rows.classes"):
        check_class_order(PATH, text, CLASSES, label="tier")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("FROM UNNEST(@spans) AS d JOIN {source} ON day BETWEEN DATE_SUB(d, INTERVAL 29 DAY) AND d", 30),
        ("FROM {source} AS t WHERE t.`day` >= DATE_SUB(s.`as_of`, INTERVAL 4 WEEK)", 29),
        ("FROM {source} WHERE day >= TIMESTAMP(DATE_SUB(as_of, INTERVAL 29 DAY))", 30),
        ("COUNTIF(DATE(t.day) > DATE_SUB(as_of, INTERVAL 30 DAY)) FROM {source}", 30),
    ],
)
def test_a_query_that_reads_more_days_than_are_told_is_refused(text: str, read: int) -> None:
    check_look_back(PATH, text, field="day", span="as_of", days=read)
    with pytest.raises(ModelFolderError) as error:
        check_look_back(PATH, f"SELECT 1\n{text}", field="day", span="as_of", days=read - 1)
    assert str(error.value).startswith(f"{PATH} reads {read} days for a span (line 2, column ")
    assert str(error.value).endswith(f"source.history_days of model.toml is {read - 1}: write history_days = {read}, or read less")


@pytest.mark.parametrize(
    "text",
    [
        "WHERE day >= DATE_SUB(as_of, INTERVAL @days DAY)",
        "WHERE customer_since < DATE_SUB(as_of, INTERVAL 365 DAY) -- day > DATE_SUB(as_of, INTERVAL 365 DAY)",
        "WHERE other_day >= DATE_SUB(as_of, INTERVAL 365 DAY) AND day >= DATE_SUB(ordered, INTERVAL 365 DAY)",
        "WHERE day BETWEEN DATE_SUB(as_of, INTERVAL 0 DAY) AND as_of AND IF(day >= DATE_SUB(as_of, INTERVAL 59 DAY), TRUE, x)",
    ],
)
def test_other_dates_say_nothing_of_the_days_that_are_read(text: str) -> None:
    check_look_back(PATH, f"SELECT 1 FROM {{source}} {text}", field="day", span="as_of", days=1)
