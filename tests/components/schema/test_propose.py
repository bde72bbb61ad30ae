"""The schema that rows propose, where they break the pinned one, and every way in which the two can differ; statistics are TFDV's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
from tensorflow_metadata.proto.v0.schema_pb2 import Schema

from components.errors import ModelFolderError
from components.examples.encode import TFRecordFile, encode_examples
from components.model.folder import read_model
from components.schema.anomalies import Anomaly
from components.schema.diff import Aspect, SchemaDifference, compare_schemas, difference_sentence
from components.schema.propose import Proposal, find_anomalies, propose, read_pinned, window_statistics
from components.schema.text import feature_text, to_text, values_text
from tests.components.visits import SCHEMA, write_model

ROWS = 40
GOOD: Mapping[str, list[Any]] = {
    "pages": list(range(3, ROWS + 3)),
    "seconds": [number / 8 for number in range(ROWS)],
    "device": ["phone", "desk"] * (ROWS // 2),
    "returned": [0, 1] * (ROWS // 2),
}


def statistics(columns: Mapping[str, list[Any]]) -> Any:
    """Of rows with one value each, or several where the value is a list; None is a value that is not there."""
    lists = {name: [value if isinstance(value, list | None) else [value] for value in values] for name, values in columns.items()}
    return generate_statistics_in_memory(pa.RecordBatch.from_pydict({name: pa.array(values) for name, values in lists.items()}))


def proposal(columns: Mapping[str, list[Any]]) -> Proposal:
    return propose(statistics(columns), label="returned")


def proposed(name: str, values: list[Any]) -> str:
    """The feature that a column of these values proposes, on one line, with its domain."""
    schema = proposal({name: values}).schema
    text = text_format.MessageToString(schema.feature[0], as_one_line=True)
    return f"{text} of {list(schema.string_domain[0].value)}" if schema.string_domain else text


def first(column: str, value: object) -> dict[str, list[Any]]:
    """The good rows, but for the first value of a column."""
    return {**GOOD, column: [value, *GOOD[column][1:]]}


def parse(text: str) -> Schema:
    return text_format.Parse(text, Schema())


def differences(columns: Mapping[str, list[Any]], schema: str = SCHEMA) -> tuple[SchemaDifference, ...]:
    """Between a schema and what these rows propose."""
    found, pinned = statistics(columns), parse(schema)
    broken = {anomaly.feature for anomaly in find_anomalies(found, pinned, split="*")}
    return compare_schemas(pinned, propose(found, label="returned"), broken=broken)


# What rows propose

ALWAYS = "presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } }"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0, 5] * 20, f"type: INT int_domain {{ min: 0 }} {ALWAYS}"),
        ([-1, 5] * 20, f"type: INT {ALWAYS}"),
        ([0, 1] * 20, f"type: INT bool_domain {{ }} {ALWAYS}"),
        ([0.5, 2.5] * 20, f"type: FLOAT float_domain {{ min: 0.0 disallow_nan: true disallow_inf: true }} {ALWAYS}"),
        ([-0.5, 2.5] * 20, f"type: FLOAT float_domain {{ disallow_nan: true disallow_inf: true }} {ALWAYS}"),
        (["b", "a"] * 20, f"type: BYTES domain: \"x\" {ALWAYS} of ['a', 'b']"),
        ([f"v{number % 101}" for number in range(303)], f"type: BYTES {ALWAYS}"),
        ([f"v{number}" for number in range(40)], f"type: BYTES {ALWAYS}"),
        (["x" * 2000, "a"] * 20, f"type: BYTES {ALWAYS}"),
        ([b"\xff\xfe", b"a"] * 20, f"type: BYTES {ALWAYS}"),
        ([None, *[7] * 39], "value_count { min: 1 max: 1 } type: INT int_domain { min: 0 } presence { min_count: 1 }"),
        ([[1, 2]] * 40, "type: INT int_domain { min: 0 } presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 2 } }"),
    ],
    ids=[
        "whole numbers",
        "negative ones",
        "only 0 and 1",
        "decimals",
        "negative decimals",
        "few texts",
        "many texts",
        "a text for each row",
        "long texts",
        "binary ones",
        "a missing value",
        "lists",
    ],
)
def test_rows_propose_type_presence_shape_and_what_values_they_may_have(values: list[Any], text: str) -> None:
    assert proposed("x", values) == f'name: "x" {text}'


@pytest.mark.parametrize(
    ("values", "domain"), [([0, 1] * 20, "int_domain { min: 0 max: 1 }"), ([0.0, 1.0] * 20, "float_domain { min: 0.0 max: 1.0")]
)
def test_a_label_is_0_or_1_whatever_its_type(values: list[Any], domain: str) -> None:
    assert domain in proposed("returned", values)


def test_the_text_is_the_proposed_schema_with_what_was_seen_beside_the_names() -> None:
    rows = {**GOOD, "seconds": [None, *GOOD["seconds"][1:]], "page": [f"page {number}\n" for number in range(ROWS)]}
    found = proposal(rows)
    text = to_text(found, heading=("For a test.",))
    assert text.startswith('# For a test.\n\nfeature {\n  name: "pages"  # seen 3 to 42\n  type: INT\n  int_domain { min: 0 }\n')
    assert '  name: "seconds"  # seen 0.125 to 4.875, in 97.5% of rows\n' in text
    assert '  name: "device"\n' in text
    assert text.endswith('string_domain {\n  name: "device"\n  value: "desk"\n  value: "phone"\n}\n')
    assert r"  # seen 'page 9\n', 'page 8\n', 'page 7\n', " in text
    schema = parse(text)
    assert (list(schema.feature), list(schema.string_domain)) == (list(found.schema.feature), list(found.schema.string_domain))


def test_rows_keep_the_schema_that_they_propose() -> None:
    found = statistics(GOOD)
    pinned = parse(to_text(propose(found, label="returned"), heading=()))
    assert find_anomalies(found, pinned, split="train") == ()
    assert compare_schemas(pinned, propose(found, label="returned"), broken=()) == ()


# Where rows break a schema


def breaks(columns: Mapping[str, list[Any]], schema: str = SCHEMA) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for anomaly in find_anomalies(statistics(columns), parse(schema), split="train"):
        assert anomaly.split == "train"
        found.setdefault(anomaly.feature, []).append(anomaly.long)
    return found


def test_good_rows_break_nothing() -> None:
    assert breaks(GOOD) == {}


SHAPE = "The feature has a shape, but it's not always present"


def test_every_reason_is_a_sentence_of_its_own() -> None:
    rows = {**GOOD, "seconds": [None, *(f"{value} s" for value in GOOD["seconds"][1:])], "country": ["fr"] * ROWS}
    del rows["pages"]
    found = breaks({**rows, "returned": [2, *GOOD["returned"][1:]], "device": ["watch", *GOOD["device"][1:]]})
    assert found == {
        "country": ["New column (column in data but not in schema)"],
        "device": ["Examples contain values missing from the schema: watch (~2%)"],
        "pages": ["Column is completely missing"],
        "returned": ["Unexpectedly large value: 2"],
        "seconds": [
            f"{SHAPE} (if the feature is nested, then it should always be present at each nested level) or its value lengths vary",
            "The feature was present in fewer examples than expected: minimum fraction = 1.000000, actual = 0.975000",
            "Expected data of type: FLOAT but got STRING",
        ],
    }


def test_too_few_rows_break_a_schema_as_a_whole() -> None:
    found = breaks(GOOD, SCHEMA + "dataset_constraints { min_examples_count: 1000 }")
    assert list(found) == [""]
    assert found[""][0].startswith("The dataset has 40 examples, which is fewer than expected")


def test_an_anomaly_names_column_and_split() -> None:
    assert Anomaly("eval", "pages", "Short", "Long").sentence == "column pages of split eval breaks schema.pbtxt: Long"
    assert Anomaly("train", "", "Short", "Long").sentence == "split train breaks schema.pbtxt: Long"


# How they differ


def one(columns: Mapping[str, list[Any]], schema: str = SCHEMA) -> tuple[str, Aspect, bool, str]:
    """The only difference."""
    (difference,) = differences(columns, schema)
    return difference.feature, difference.aspect, difference.breaks, difference_sentence(difference)


PAGES = 'name: "pages" type: INT'


def test_a_pinned_range_that_rows_keep_is_no_difference_however_tight() -> None:
    schema = SCHEMA.replace(PAGES, f"{PAGES} int_domain {{ min: 3 max: 42 }}").replace(
        '"seconds" type: FLOAT', '"seconds" type: FLOAT float_domain { min: -10.0 }'
    )
    assert differences(GOOD, schema) == ()


def test_without_a_pinned_range_the_proposed_one_is_shown() -> None:
    seconds = SCHEMA.replace('"seconds" type: FLOAT', '"seconds" type: FLOAT float_domain { min: 0.0 }')
    assert one(GOOD, seconds) == (
        "pages",
        Aspect.RANGE,
        False,
        "schema.pbtxt: not said; the window proposes: at least 0 (seen 3 to 42)",
    )


KEPT = SCHEMA.replace(PAGES, f"{PAGES} int_domain {{ min: 0 max: 50 }}").replace(
    '"seconds" type: FLOAT', '"seconds" type: FLOAT float_domain { min: 0.0 }'
)
"""What the good rows propose, with a bound that somebody added."""


def test_good_rows_differ_in_nothing() -> None:
    assert differences(GOOD, KEPT) == ()


@pytest.mark.parametrize(("value", "seen"), [(-4, "-4 to 42"), (51, "4 to 51")])
def test_values_outside_the_pinned_range_are_shown_and_break_it(value: int, seen: str) -> None:
    proposes = "not said" if value < 0 else "at least 0"
    assert one(first("pages", value), KEPT) == (
        "pages",
        Aspect.RANGE,
        True,
        f"schema.pbtxt: 0 to 50; the window proposes: {proposes} (seen {seen})",
    )


def test_a_new_column_is_shown_with_all_that_it_proposes() -> None:
    assert one({**GOOD, "country": ["fr", "de"] * 20}, KEPT) == (
        "country",
        Aspect.ADDED,
        True,
        "not in schema.pbtxt; the window proposes BYTES, present in every row, shape [1], values 'de', 'fr' (seen 'fr', 'de')",
    )


def test_a_column_that_no_row_has_is_shown_with_what_is_pinned() -> None:
    rows = {name: values for name, values in GOOD.items() if name != "pages"}
    assert one(rows, KEPT) == (
        "pages",
        Aspect.REMOVED,
        True,
        "no row of the window has a value; schema.pbtxt says INT, present in every row, shape [1], range 0 to 50",
    )


def test_an_optional_column_that_no_row_has_breaks_nothing() -> None:
    assert one(GOOD, KEPT + 'feature { name: "country" type: BYTES }')[:3] == ("country", Aspect.REMOVED, False)


def test_numbers_that_became_text_are_a_difference_of_type_alone() -> None:
    rows = {**GOOD, "seconds": ["1.5 s", "2.5 s"] * 20}
    assert one(rows, KEPT) == (
        "seconds",
        Aspect.TYPE,
        True,
        "schema.pbtxt: FLOAT; the window proposes: BYTES (seen '2.5 s', '1.5 s')",
    )


def test_a_missing_value_is_a_difference_of_presence_and_so_of_shape() -> None:
    presence, shape = differences(first("seconds", None), KEPT)
    assert (presence.aspect, presence.breaks) == (Aspect.PRESENCE, True)
    assert difference_sentence(presence) == "schema.pbtxt: every row; the window proposes: at least 1 row (seen 97.5% of rows)"
    assert (shape.aspect, difference_sentence(shape)) == (Aspect.SHAPE, "schema.pbtxt: [1]; the window proposes: 1 value or none")


def test_a_schema_that_asks_for_less_than_the_rows_hold_is_shown_and_kept() -> None:
    asked = 'presence { min_fraction: 0.9 min_count: 1 } shape { dim { size: 1 } } }\nfeature { name: "device"'
    schema = KEPT.replace('presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } } }\nfeature { name: "device"', asked)
    assert one(GOOD, schema) == (
        "seconds",
        Aspect.PRESENCE,
        False,
        "schema.pbtxt: at least 90.0% of rows; the window proposes: every row (seen 100% of rows)",
    )


def test_lists_are_a_difference_of_shape() -> None:
    rows = {**GOOD, "pages": [[1, 2], [3]] * 20}
    assert one(rows, KEPT)[1:] == (Aspect.SHAPE, True, "schema.pbtxt: [1]; the window proposes: at least 1 value or none")


def test_values_of_a_domain_are_shown_from_both_sides() -> None:
    rows = {**GOOD, "device": ["phone", "watch"] * 20}
    (difference,) = differences(rows, KEPT)
    assert (difference.only_in_window, difference.only_pinned, difference.breaks) == (("watch",), ("desk",), True)
    assert difference_sentence(difference) == "only in the window: 'watch'; only in schema.pbtxt: 'desk'"


def test_a_pinned_value_that_no_row_has_breaks_nothing() -> None:
    schema = KEPT.replace('value: "desk"', 'value: "desk" value: "tablet"')
    assert one(GOOD, schema) == ("device", Aspect.VALUES, False, "only in schema.pbtxt: 'tablet'")


def test_a_domain_that_is_not_pinned_is_proposed() -> None:
    assert one(GOOD, KEPT.replace('domain: "device" ', "")) == (
        "device",
        Aspect.VALUES,
        False,
        "schema.pbtxt: not said; the window proposes: 'desk', 'phone'",
    )


def test_too_many_values_for_a_domain_still_show_those_that_are_not_pinned() -> None:
    rows = {**GOOD, "device": [f"phone {number:02}" for number in range(ROWS)]}
    (difference,) = differences(rows, KEPT)
    assert (difference.proposed, difference.breaks, len(difference.only_in_window)) == ("not said", True, ROWS)
    assert difference.only_pinned == ("phone", "desk")
    assert difference_sentence(difference).startswith("only in the window: 'phone 39', ")
    assert " and 30 more; only in schema.pbtxt: 'phone', 'desk'" in difference_sentence(difference)


def test_a_domain_may_stand_in_the_feature() -> None:
    inline = 'string_domain { value: "phone" value: "desk" }'
    assert differences(GOOD, KEPT.replace('domain: "device" ', f"{inline} ")) == ()


def test_the_order_is_that_of_schema_pbtxt_and_new_columns_come_last() -> None:
    rows = {"area": ["x", "y"] * 20, **GOOD, "returned": [0, 2] * 20, "pages": [-1, 5] * 20}
    assert [difference.feature for difference in differences(rows, KEPT)] == ["pages", "returned", "area"]


# Files


def test_statistics_are_of_one_split_or_of_all(tmp_path: Path) -> None:
    for split, rows in (("train", 30), ("eval", 10)):
        (tmp_path / f"Split-{split}").mkdir()
        with TFRecordFile(tmp_path / f"Split-{split}" / "data_tfrecord-20260304.gz") as file:
            file.write(encode_examples(pa.RecordBatch.from_pydict({"pages": list(range(rows))})).to_pylist())
    counts = {split: window_statistics(tmp_path, split).datasets[0].num_examples for split in ("train", "eval", "*")}
    assert counts == {"train": 30, "eval": 10, "*": 40}


def test_what_is_no_schema_is_named(tmp_path: Path) -> None:
    write_model(tmp_path, schema="feature { nome: 'x' }")
    with pytest.raises(ModelFolderError, match="schema.pbtxt of model 'visits' is no tensorflow.metadata.v0.Schema: 1:11"):
        read_pinned(read_model(tmp_path, "visits"))


def test_the_pinned_schema_is_read_as_it_is(tmp_path: Path) -> None:
    write_model(tmp_path)
    assert read_pinned(read_model(tmp_path, "visits")) == parse(SCHEMA)


# Words


def test_many_values_are_counted() -> None:
    assert values_text([str(number) for number in range(12)]).endswith("'9' and 2 more")
    assert values_text(["a"], 1234) == "'a' and 1,233 more"


@pytest.mark.parametrize(
    ("feature", "text"),
    [
        ("type: INT", "INT"),
        ("type: INT bool_domain {}", "INT, range 0 to 1"),
        ("type: FLOAT float_domain { max: 2.5 }", "FLOAT, range at most 2.5"),
        ("type: BYTES bool_domain { true_value: 'yes' false_value: 'no' }", "BYTES, values 'yes', 'no'"),
        (
            "type: INT presence { min_count: 20 } value_count { min: 1 max: 3 }",
            "INT, present in at least 20 rows, shape 1 to 3 values or none",
        ),
        ("type: INT presence { min_fraction: 0.5 min_count: 20 }", "INT, present in at least 50.0% of rows and at least 20 rows"),
        ("type: INT presence {} shape {}", "INT, shape []"),
        ("type: INT value_counts { value_count { min: 1 } }", "INT, shape value_count { min: 1 }"),
    ],
)
def test_a_feature_is_told_in_a_few_words(feature: str, text: str) -> None:
    schema = parse(f'feature {{ name: "x" {feature} }}')
    assert feature_text(schema, schema.feature[0]) == text
