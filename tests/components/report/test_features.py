"""TFDV's statistics as rows of the page's tables."""

import math
from collections.abc import Callable

import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList, FeatureNameStatistics

from components.report.features import feature_tables

Feature = Callable[..., FeatureNameStatistics]
Split = Callable[..., DatasetFeatureStatisticsList]


def test_numeric_features_carry_their_numbers(numeric_feature: Feature, split_statistics: Split) -> None:
    [spend] = feature_tables(split_statistics(numeric_feature("spend", [0.0, 1.0, 2.0, 5.0], missing=1)), None).numeric
    assert (spend.name, spend.missing, spend.zeros) == ("spend", 0.2, 0.25)
    assert (spend.min, spend.median, spend.mean, spend.max) == (0, 2, 2, 5)
    assert spend.std == pytest.approx(math.sqrt(3.5))
    assert not spend.is_empty


def test_categorical_features_carry_their_top_values_of_both_splits(text_feature: Feature, split_statistics: Split) -> None:
    train = split_statistics(text_feature("channel", ["web"] * 6 + ["shop"] * 3 + ["phone"], missing=10))
    evaluation = split_statistics(text_feature("channel", ["web", "shop"]))
    [channel] = feature_tables(train, evaluation).text
    assert (channel.missing, channel.unique) == (0.5, 3)
    assert [(top.value, top.train, top.evaluation) for top in channel.top_values] == [
        ("web", 0.6, 0.5),
        ("shop", 0.3, 0.5),
        ("phone", 0.1, 0.0),
    ]


def test_at_most_five_values_are_shown(text_feature: Feature, split_statistics: Split) -> None:
    [city] = feature_tables(split_statistics(text_feature("city", [f"city {n}" for n in range(40)])), None).text
    assert len(city.top_values) == 5
    assert {top.evaluation for top in city.top_values} == {None}


def test_a_feature_of_which_every_row_is_missing_is_empty(split_statistics: Split) -> None:
    numeric, text = FeatureNameStatistics(name="a"), FeatureNameStatistics(name="b")
    numeric.num_stats.common_stats.num_missing = 8
    text.string_stats.common_stats.num_missing = 8
    tables = feature_tables(split_statistics(numeric, text), None)
    [empty_number], [empty_text] = tables.numeric, tables.text
    assert (empty_number.name, empty_number.missing, empty_number.is_empty, empty_number.distribution) == ("a", 1.0, True, None)
    assert (empty_text.name, empty_text.missing, empty_text.is_empty, empty_text.top_values) == ("b", 1.0, True, ())


def test_a_feature_that_the_eval_split_lacks_is_named(numeric_feature: Feature, split_statistics: Split) -> None:
    train = split_statistics(numeric_feature("a", [1]), numeric_feature("b", [1]))
    assert feature_tables(train, split_statistics(numeric_feature("b", [1]))).missing_in_eval == ("a",)
    assert feature_tables(train, None).missing_in_eval == ()


def test_nested_features_are_named_by_their_path(split_statistics: Split) -> None:
    nested = FeatureNameStatistics(path={"step": ["address", "city"]}, type=FeatureNameStatistics.STRUCT)
    nested.struct_stats.common_stats.num_non_missing = 3
    [feature] = feature_tables(split_statistics(nested), None).text
    assert (feature.name, feature.missing, feature.top_values) == ("address.city", 0.0, ())


def test_no_statistics_give_no_rows() -> None:
    for nothing in (None, DatasetFeatureStatisticsList()):
        tables = feature_tables(nothing, nothing)
        assert (tables.numeric, tables.text, tables.missing_in_eval) == ((), (), ())
