"""What `perennial new` guesses of a table: features, label, spans, and the sentence where no model can be made of it."""

import math
import re
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.errors import ModelFolderError, SourceError
from components.model.folder import read_model
from pipelines.scaffold.features import guess_features
from pipelines.scaffold.folder import SCHEMA, draft_model, write_files
from pipelines.scaffold.label import read_label
from pipelines.scaffold.table import SourceTable
from tests.pipelines.scaffold.rows import draft, loans, with_label


def test_every_column_is_a_feature_or_left_out_with_the_reason() -> None:
    guess = draft(loans()).guess
    assert {feature.name: feature.sql for feature in guess.features} == {
        "applied_at_hour": "IFNULL(EXTRACT(HOUR FROM t.`applied_at`), 0)",
        "income": "IFNULL(CAST(t.`income` AS FLOAT64), 0)",
        "income_is_missing": "IF(t.`income` IS NULL, 1, 0)",
        "amount": "IFNULL(CAST(t.`amount` AS FLOAT64), 0)",
        "purpose": "IFNULL(t.`purpose`, 'missing')",
        "region": "IFNULL(t.`region`, 'missing')",
        "is_new": "IF(t.`is_new`, 1, 0)",
        "weekday": "EXTRACT(DAYOFWEEK FROM t.`applied`)",
    }
    assert [(feature.name, feature.is_category) for feature in guess.features if not feature.is_number] == [
        ("purpose", True),
        ("region", False),
    ]
    assert guess.left_out == {
        "country": "it is always 'XX'",
        "note": "it tells rows apart (4,000 values in 4,000 rows), as an id or free text does",
        "recovered": "it alone tells the label of 100.0% of the rows: known only afterwards? Take it in if it is not",
        "tags": "its type is ARRAY: take what is in it apart in source.sql",
    }


def test_of_a_rare_label_only_what_tells_the_few_rows_leaks() -> None:
    table = with_label(with_label(loans(), "fraud", "INTEGER", [1, *[0] * 249]), "case", "STRING", ["C", *[""] * 249])
    guess = guess_features(table, key=["loan_id"], label="fraud", labels=table.rows.column("fraud").to_numpy())
    assert {"income", "amount", "purpose", "is_new"} <= {feature.name for feature in guess.features}
    assert [column for column, why in guess.left_out.items() if "tells the label of" in why] == ["case"]


@pytest.mark.parametrize("label", ["defaulted", "amount", "purpose"])
def test_no_layer_of_the_network_has_a_name_that_a_feature_may_have(label: str) -> None:
    network = str(draft(loans(), label=label).render()["network.py"])
    layers = re.findall(r"keras\.layers\.[A-Z].*", network)
    assert len(layers) > 5
    assert [line for line in layers if not re.search(r'name=f?"[A-Z]|name=name', line)] == []


@pytest.mark.parametrize(
    ("kind", "values", "sql", "classes"),
    [
        ("INTEGER", [0, 1], "t.`y`", ()),
        ("NUMERIC", [Decimal(0), Decimal(1)], "CAST(t.`y` AS INT64)", ()),
        ("BOOLEAN", [True, False], "IF(t.`y`, 1, 0)", ()),
        ("STRING", ["no", "yes"], "CASE t.`y` WHEN 'no' THEN 0 WHEN 'yes' THEN 1 END", ()),
        ("STRING", ["Churned", "stayed"], "CASE t.`y` WHEN 'stayed' THEN 0 WHEN 'Churned' THEN 1 END", ()),
        ("STRING", ["it's", "b", "A 1"], "CASE t.`y` WHEN 'A 1' THEN 0 WHEN 'b' THEN 1 WHEN 'it\\'s' THEN 2 END", ("a_1", "b", "it_s")),
        ("STRING", ["00 ok", "99", "é"], "CASE t.`y` WHEN '00 ok' THEN 0 WHEN '99' THEN 1 WHEN 'é' THEN 2 END", ("y_00_ok", "y_99", "e")),
        ("INTEGER", [1, 2], "CASE t.`y` WHEN 1 THEN 0 WHEN 2 THEN 1 END", ()),
        (
            "STRING",
            ["да", "нет", "возможно", "日本"],
            "CASE t.`y` WHEN 'возможно' THEN 0 WHEN 'да' THEN 1 WHEN 'нет' THEN 2 WHEN '日本' THEN 3 END",
            ("y_0", "y_1", "y_2", "y_3"),
        ),
        ("INTEGER", [3, 1, 2], "CASE t.`y` WHEN 1 THEN 0 WHEN 2 THEN 1 WHEN 3 THEN 2 END", ("y_1", "y_2", "y_3")),
    ],
)
def test_a_label_becomes_numbers(kind: str, values: list[object], sql: str, classes: tuple[str, ...]) -> None:
    label = read_label(with_label(loans(days=10), "y", kind, values), "y")
    assert (label.sql, label.classes, label.delay_days) == (sql, classes, 0)


@pytest.mark.parametrize(
    ("kind", "values", "meaning"),
    [
        ("STRING", ["approved", "denied"], "yes (1) where it is 'denied'"),
        ("STRING", ["Churned", "stayed"], "yes (1) where it is 'Churned'"),
        ("INTEGER", [1, 2], "yes (1) where it is 2"),
        ("INTEGER", [0, 1], "no or yes"),
        ("BOOLEAN", [True, False], "no or yes"),
    ],
)
def test_who_is_asked_sees_which_value_is_yes(kind: str, values: list[object], meaning: str) -> None:
    assert read_label(with_label(loans(days=10), "y", kind, values), "y").meaning == meaning


@pytest.mark.parametrize(
    ("kind", "values", "sql"),
    [
        ("FLOAT", [i / 7 for i in range(21)], "t.`y`"),
        ("INTEGER", list(range(30)), "CAST(t.`y` AS FLOAT64)"),
        ("NUMERIC", [Decimal(i) / 4 for i in range(40)], "CAST(t.`y` AS FLOAT64)"),
    ],
)
def test_a_label_of_many_numbers_is_a_number(kind: str, values: list[Any], sql: str, tmp_path: Path) -> None:
    table = with_label(loans(days=40), "y", kind, values)
    label = read_label(table, "y")
    assert (label.sql, label.classes, label.task, label.delay_days) == (sql, (), "regression", 0)
    assert label.scale is not None
    assert label.scale.mean == pytest.approx(float(sum(values)) / len(values), rel=0.01)
    assert 0.4 < label.values.mean() < 0.6
    made = draft(table, label="y")
    with draft_model(made, tmp_path) as model:
        assert model.task.is_regression
        assert [threshold.metric for threshold in model.evaluation.thresholds] == ["r_squared"]
    assert f"MEAN, DEVIATION = {label.scale.mean:.6g}, {label.scale.deviation:.6g}\n" in made.render()["network.py"]
    compile(made.render()["network.py"], "network.py", "exec")


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        ("INTEGER", [1], "--label 'y' is always 1 in the newest days of bank.loans: a model needs at least two classes"),
        ("DATE", [None], "--label 'y' is DATE: a label is BOOL, a number or STRING"),
        ("STRING", [f"v{i}" for i in range(21)], "--label 'y' has 21 values: a model has at most 20 classes"),
        ("STRING", ["a b", "a-b", "c"], "--label 'y' has values that differ only in signs"),
        ("FLOAT", [math.nan, *range(24)], "--label 'y' is NaN or infinite in 40 of 1,000 rows: give a view that has NULL there"),
    ],
)
def test_what_is_no_label_is_refused(kind: str, values: list[object], sentence: str) -> None:
    with pytest.raises(SourceError) as refused:
        read_label(with_label(loans(days=10), "y", kind, values), "y")
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0.5, 1.0, 1.5, 2.0], "regression"),
        ([0] * 30 + [1] * 25 + [2] * 15 + [3] * 6 + [4] * 2 + [6] + [5], "regression"),  # counts
        ([0] * 30 + [1] * 25 + [2] * 15 + [3] * 6 + [4] * 2 + [5] * 9, "regression"),  # five or more
        ([1] * 2 + [2] * 5 + [3] * 9 + [4] * 20 + [5] * 14 + [6] * 6 + [7], "regression"),  # marks
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "multiclass_classification"),  # digits
        ([1] * 9 + [2] * 2 + [3] * 40 + [4] + [5] * 30 + [6] * 3 + [7] * 20, "multiclass_classification"),  # kinds
        ([1] * 5 + [2] * 9 + [3] * 20 + [4] * 9 + [5] * 3, "multiclass_classification"),
        ([10, 20, 20, 30, 30, 30, 40, 90], "multiclass_classification"),
    ],
)
def test_few_numbers_are_a_number_where_they_have_decimals_or_count_something(values: list[object], task: str) -> None:
    kind = "FLOAT" if isinstance(values[0], float) else "INTEGER"
    assert read_label(with_label(loans(days=25), "y", kind, values * 4), "y").task == task


def test_the_days_until_a_label_is_known_are_counted() -> None:
    assert read_label(loans(delay=5), "defaulted").delay_days == 5


def test_a_label_that_most_rows_never_have_is_late_where_none_have_it() -> None:
    table = loans(days=20, delay=0)
    audited = [number % 5 == 0 if day <= date(2023, 1, 18) else None for number, day in enumerate(table.rows["applied"].to_pylist())]
    some: list[object] = [label if number % 3 == 0 else None for number, label in enumerate(audited)]
    assert read_label(with_label(table, "audited", "BOOLEAN", some), "audited").delay_days == 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"key": "purpose"},
            "--key 'purpose' has several rows in a day of bank.loans: a row needs a key of its own; --key loan_id would do",
        ),
        ({"key": "amount"}, "--key 'amount' is FLOAT: a key is INT64, STRING or a point in time"),
        ({"key": "purpose,amount"}, "--key 'amount' is FLOAT: a key is INT64, STRING or a point in time, or several such columns"),
        ({"key": "loan_id,loan_id"}, "--key 'loan_id,loan_id' names 'loan_id' twice: name each column once"),
        ({"key": "purpose, region"}, "--key 'purpose,region' has several rows in a day of bank.loans"),
        ({"label": "defaultet"}, "--label 'defaultet' is no column of table bank.loans: did you mean 'defaulted'?"),
        ({"label": "Defaulted"}, "--label 'Defaulted' is no column of table bank.loans: did you mean 'defaulted'?"),
        ({"label": "country"}, "--label 'country' is always 'XX'"),
        ({"label": "loan_id"}, "--label 'loan_id' is in --key, too: a label is what is to be predicted, a key tells rows apart"),
        ({"label": "tags"}, "--label 'tags' is ARRAY: a label is BOOL, a number or STRING; make one in a view"),
    ],
)
def test_a_wrong_column_is_named_with_the_right_one(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(SourceError) as refused:
        draft(loans(), **changes)
    assert str(refused.value).startswith(sentence)


def test_a_key_that_some_rows_lack_and_rows_that_are_there_twice_are_named() -> None:
    table = loans()
    keys = [None if number % 40 == 0 else number for number in range(table.rows.num_rows)]
    with pytest.raises(SourceError, match="^--key 'loan_id' is NULL in 100 of 4,000 rows: give a key that every row has, or a view "):
        draft(replace(table, rows=table.rows.set_column(0, "loan_id", pa.array(keys))))
    with pytest.raises(SourceError, match="^300 rows of bank.loans are there twice, equal in all columns, so that --key 'loan_id' is not "):
        draft(replace(table, rows=pa.concat_tables([table.rows, table.rows.slice(500, 300)])))


def test_the_folder_is_a_model_and_appears_whole(tmp_path: Path) -> None:
    made = draft(loans(90, closed_weekday=6))
    with draft_model(made, tmp_path) as model:
        assert (model.rows.key, model.rows.label, model.rows.span) == ("loan_id", "defaulted", "as_of")
    assert list(tmp_path.iterdir()) == []
    write_files(made.render() | {SCHEMA: ""}, tmp_path / "loans")
    assert read_model(tmp_path, "loans").evaluation.slices == (("purpose",),)
    document = tomllib.loads((tmp_path / "loans" / "model.toml").read_text())
    assert document["checks"] == {"ignore": ["note", "defaulted"], "closed": ["Sunday"]}
    assert "BETWEEN DATE_SUB(as_of, INTERVAL 6 DAY) AND as_of\nWHERE t.`defaulted` IS NOT NULL\n" in made.render()["source.sql"]
    for file in ("features.py", "network.py"):
        compile(made.render()[file], file, "exec")
    with pytest.raises(ModelFolderError, match="loans exists: choose another name for the model, or delete the folder$"):
        write_files(made.render(), tmp_path / "loans")


def test_names_that_sql_or_python_reserve_are_quoted_or_changed() -> None:
    table = with_label(with_label(loans(), "select", "FLOAT", [0.5, 1.5, 2.5]), "2nd Größe", "STRING", ["a", "b"])
    features = {feature.name: feature.sql for feature in draft(table).guess.features}
    assert features["select"] == "IFNULL(CAST(t.`select` AS FLOAT64), 0)"
    assert features["column_2nd_grosse"] == "IFNULL(t.`2nd Größe`, 'missing')"


def test_a_column_that_is_called_as_a_span_is_another() -> None:
    query = draft(
        with_label(with_label(loans(), "As_Of", "DATE", [date(2023, 1, 1), date(2022, 5, 1)]), "span", "INTEGER", [1, 2])
    ).render()
    assert "  as_of_span AS `as_of`,\n" in query["source.sql"]
    assert "IFNULL(DATE_DIFF(as_of_span, t.`As_Of`, DAY), 0) AS `as_of_days_ago`" in query["source.sql"]
    assert "FROM UNNEST(@spans) AS as_of_span\nJOIN {source} AS t ON t.`applied` = as_of_span\n" in query["source.sql"]


def test_numbers_that_are_not_finite_count_as_missing() -> None:
    files = draft(with_label(loans(), "ratio", "FLOAT", [math.nan, 0.5, math.inf, 1.5])).render()
    number = "IF(IS_NAN(t.`ratio`) OR IS_INF(t.`ratio`), NULL, t.`ratio`)"
    assert f"IFNULL({number}, 0) AS `ratio`" in files["source.sql"]
    assert f"IF({number} IS NULL, 1, 0) AS `ratio_is_missing`" in files["source.sql"]


def test_columns_whose_names_differ_only_in_signs_become_features_of_two_names() -> None:
    table = with_label(with_label(loans(), "Prix-Net", "FLOAT", [0.5, 1.5, 2.5]), "prix_net", "FLOAT", [3.5, 1.5])
    features = {feature.name: feature.column for feature in draft(with_label(table, "weekday", "INTEGER", [1, 2, 3])).guess.features}
    assert {name: column for name, column in features.items() if name.startswith(("prix", "week"))} == {
        "prix_net": "Prix-Net",
        "prix_net_2": "prix_net",
        "weekday": "weekday",
        "weekday_2": "",
    }


def test_several_columns_are_a_key_together() -> None:
    lines = order_lines()
    with pytest.raises(SourceError, match="^--key 'order' has several rows in a day of shop.lines: .*; --key order,line would do$"):
        draft(lines, key="order")
    made = draft(lines, key="order, line")
    assert "  CONCAT(t.`order`, ' ', CAST(t.`line` AS STRING)) AS `order_line`,\n" in made.render()["source.sql"]
    assert {"line"} < {feature.name for feature in made.guess.features}
    assert made.guess.left_out["order"] == "it is a part of the key"
    checks = tomllib.loads(made.render()["model.toml"])["checks"]
    assert (checks["cluster"], "order" in checks["ignore"]) == ("order", True)


def test_several_texts_are_quoted_in_a_key_so_that_no_two_keys_are_one() -> None:
    lines = with_label(order_lines(), "part", "STRING", ["x y", "y z"])
    query = draft(lines, key="order,part").render()["source.sql"]
    assert "  CONCAT(TO_JSON_STRING(t.`order`), ' ', TO_JSON_STRING(t.`part`)) AS `order_part`,\n" in query


def test_the_moment_of_a_row_may_be_a_part_of_its_key() -> None:
    lines = order_lines()
    rows = lines.rows.drop_columns(["line"])
    moments = pa.chunked_array([pa.array([datetime(2023, 1, 2, tzinfo=UTC) + timedelta(minutes=i) for i in range(rows.num_rows)])])
    columns = {name: kind for name, kind in lines.columns.items() if name != "line"} | {"applied": "TIMESTAMP"}
    readings = SourceTable("plant.readings", "applied", columns, lines.days, rows, moments)
    with pytest.raises(SourceError, match="; --key order,applied would do$"):
        draft(readings, key="order")
    assert "CONCAT(t.`order`, ' ', CAST(t.`applied` AS STRING))" in draft(readings, key="order,applied").render()["source.sql"]


def order_lines() -> SourceTable:
    """Orders of two lines each."""
    table = loans()
    numbers = range(table.rows.num_rows)
    table = with_label(table, "order", "STRING", [f"O{number // 2}" for number in numbers])
    table = with_label(table, "line", "INTEGER", [number % 2 for number in numbers])
    rows, columns = table.rows.drop_columns(["loan_id", "note"]), dict(table.columns)
    del columns["loan_id"], columns["note"]
    return SourceTable("shop.lines", "applied", columns, table.days, rows)


def test_whole_numbers_that_are_names_are_categories() -> None:
    table = with_label(loans(), "department_id", "INTEGER", [101, 117, 140, 233, 910])
    table = with_label(table, "postal_code", "INTEGER", list(range(10_000, 10_300)))
    table = with_label(table, "rooms", "INTEGER", [1, 2, 3, 4, 5])
    files = draft(table).render()
    assert "IFNULL(CAST(t.`department_id` AS STRING), 'missing') AS `department_id`" in files["source.sql"]
    categories, hashed = (files["features.py"].split(f"{name} = (")[1].split(")")[0] for name in ("CATEGORIES", "HASHED"))
    assert '"department_id"' in categories
    assert '"postal_code"' in hashed
    assert "IFNULL(t.`rooms`, 0) AS `rooms`" in files["source.sql"]
    assert "rooms_code" not in files["source.sql"]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("term_months", [12, 24, 36, 48, 60]),
        ("limit", [1000, 2000, 5000, 10_000, 15_000]),
        ("horsepower", [75, 90, 110, 150, 240]),
        ("discount_percent", [0, 10, 25, 50, 90]),
        ("department", [101, 117, 140, 233, 910]),
    ],
)
def test_whole_numbers_that_are_amounts_or_names_are_both(column: str, values: list[object]) -> None:
    files = draft(with_label(loans(), column, "INTEGER", values)).render()
    numbers, categories = (files["features.py"].split(f"{name} = (")[1].split(")")[0] for name in ("NUMBERS", "CATEGORIES"))
    assert f'"{column}"' in numbers
    assert f'"{column}_code"' in categories
    assert f"IFNULL(t.`{column}`, 0) AS `{column}`" in files["source.sql"]
    assert f"IFNULL(CAST(t.`{column}` AS STRING), 'missing') AS `{column}_code`" in files["source.sql"]


@pytest.mark.parametrize("texts", [["12.5 %", "3.0 %"], ["$1,200.50", "$17", "-$3.20"], ["0.5", "17.25", "-3.5"], ["1200 EUR", "5 EUR"]])
def test_texts_that_are_amounts_are_numbers(texts: list[str]) -> None:
    many: list[object] = [text.replace("5", str(number)) for number in range(60) for text in texts]
    (feature,) = (one for one in draft(with_label(loans(), "share", "STRING", many)).guess.features if one.column == "share")
    assert feature.sql == "IFNULL(SAFE_CAST(REGEXP_REPLACE(t.`share`, r'[^-+.0-9]', '') AS FLOAT64), 0)"
    others: list[list[object]] = [[f"{number:05d}" for number in range(60)], [f"1.{number}.0" for number in range(60)], ["12.5 %", "3.0 %"]]
    for codes in others:
        (feature,) = (one for one in draft(with_label(loans(), "share", "STRING", codes)).guess.features if one.column == "share")
        assert feature.sql == "IFNULL(t.`share`, 'missing')"


def test_one_time_may_be_the_key() -> None:
    lines = order_lines()
    moments = pa.chunked_array([pa.array([datetime(2023, 1, 2, tzinfo=UTC) + timedelta(minutes=i) for i in range(lines.rows.num_rows)])])
    readings = SourceTable("plant.readings", "applied", {**lines.columns, "applied": "TIMESTAMP"}, lines.days, lines.rows, moments)
    assert "CAST(t.`applied` AS STRING) AS `applied`" in draft(readings, key="applied").render()["source.sql"]
