"""TFDV's statistics as tables of features."""

import math

import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList, FeatureNameStatistics

from components.examples.statistics import feature_tables
from tests.components.tfdv_statistics import numeric, statistics, text


def test_numeric_features_carry_their_numbers() -> None:
    [spend] = feature_tables(statistics(numeric("spend", [0.0, 1.0, 2.0, 5.0], missing=1)), None).numeric
    assert (spend.name, spend.missing, spend.zeros) == ("spend", 0.2, 0.25)
    assert (spend.min, spend.median, spend.mean, spend.max) == (0, 2, 2, 5)
    assert spend.std == pytest.approx(math.sqrt(3.5))
    assert not spend.is_empty


def test_categorical_features_carry_their_top_values_of_both_splits() -> None:
    train = statistics(text("channel", ["web"] * 6 + ["shop"] * 3 + ["phone"], missing=10))
    evaluation = statistics(text("channel", ["web", "shop"]))
    [channel] = feature_tables(train, evaluation).text
    assert (channel.missing, channel.unique) == (0.5, 3)
    assert [(top.value, top.train, top.evaluation) for top in channel.top_values] == [
        ("web", 0.6, 0.5),
        ("shop", 0.3, 0.5),
        ("phone", 0.1, 0.0),
    ]


def test_at_most_five_values_are_shown() -> None:
    [city] = feature_tables(statistics(text("city", [f"city {n}" for n in range(40)])), None).text
    assert len(city.top_values) == 5
    assert {top.evaluation for top in city.top_values} == {None}


def test_a_feature_of_which_every_row_is_missing_is_empty() -> None:
    numbers, texts = FeatureNameStatistics(name="a"), FeatureNameStatistics(name="b")
    numbers.num_stats.common_stats.num_missing = 8
    texts.string_stats.common_stats.num_missing = 8
    tables = feature_tables(statistics(numbers, texts), None)
    [empty_number], [empty_text] = tables.numeric, tables.text
    assert (empty_number.name, empty_number.missing, empty_number.is_empty, empty_number.distribution) == ("a", 1.0, True, None)
    assert (empty_text.name, empty_text.missing, empty_text.is_empty, empty_text.top_values) == ("b", 1.0, True, ())


def test_a_feature_that_the_eval_split_lacks_is_named() -> None:
    train = statistics(numeric("a", [1]), numeric("b", [1]))
    assert feature_tables(train, statistics(numeric("b", [1]))).missing_in_eval == ("a",)
    assert feature_tables(train, None).missing_in_eval == ()


def test_nested_features_are_named_by_their_path() -> None:
    nested = FeatureNameStatistics(path={"step": ["address", "city"]}, type=FeatureNameStatistics.STRUCT)
    nested.struct_stats.common_stats.num_non_missing = 3
    [feature] = feature_tables(statistics(nested), None).text
    assert (feature.name, feature.missing, feature.top_values) == ("address.city", 0.0, ())


def test_no_statistics_give_no_rows() -> None:
    for nothing in (None, DatasetFeatureStatisticsList()):
        tables = feature_tables(nothing, nothing)
        assert (tables.numeric, tables.text, tables.missing_in_eval, tables.has_eval) == ((), (), (), nothing is not None)
