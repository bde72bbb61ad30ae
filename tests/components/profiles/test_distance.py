"""Distances of profiles: the ones that TFDV also knows agree with it, and chance is told from change."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.profiles.distance import Cells, cells, chance_divergence, jensen_shannon, l_infinity, population_stability, total_variation
from components.profiles.profile import ColumnProfile
from components.profiles.profiling import _profile_column

CASES: list[tuple[Mapping[str, int], Mapping[str, int]]] = [
    ({"web": 620, "shop": 270, "phone": 110}, {"web": 600, "shop": 300, "phone": 100}),
    ({"web": 620, "shop": 270, "phone": 110}, {"web": 62, "shop": 270, "phone": 668}),
    ({"web": 1000}, {"shop": 500}),
    ({"web": 500, "shop": 500}, {"web": 500}),
    ({f"value {i}": i + 1 for i in range(90)}, {f"value {i}": 90 - i for i in range(90)}),
]


def profile(values: Mapping[str, int]) -> ColumnProfile:
    return _profile_column(texts(values))


def texts(values: Mapping[str, int]) -> pa.Array:
    return pa.array([value for value, count in values.items() for _ in range(count)], pa.string())


def tfdv_distance(before: Mapping[str, int], after: Mapping[str, int], measure: str) -> float:
    """What TFDV's drift comparator measures on the same counts."""
    import tensorflow_data_validation as tfdv
    from google.protobuf import text_format

    schema = text_format.Parse(
        f'feature {{ name: "f" type: BYTES drift_comparator {{ {measure} {{ threshold: 0.0 }} }} }}', schema_pb2.Schema()
    )
    anomalies = tfdv.validate_statistics(statistics(after), schema, previous_statistics=statistics(before))
    (info,) = anomalies.drift_skew_info
    (measurement,) = info.drift_measurements
    return float(measurement.value)


def statistics(values: Mapping[str, int]) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The values' counts as TFDV keeps them."""
    pb = statistics_pb2
    count = sum(values.values())
    common = pb.CommonStatistics(num_non_missing=count, tot_num_values=count, min_num_values=1, max_num_values=1, avg_num_values=1)
    buckets = [
        pb.RankHistogram.Bucket(low_rank=rank, high_rank=rank, label=value, sample_count=rows)
        for rank, (value, rows) in enumerate(values.items())
    ]
    string = pb.StringStatistics(common_stats=common, unique=len(values), rank_histogram=pb.RankHistogram(buckets=buckets))
    feature = pb.FeatureNameStatistics(path={"step": ["f"]}, type=pb.FeatureNameStatistics.STRING, string_stats=string)
    return pb.DatasetFeatureStatisticsList(datasets=[pb.DatasetFeatureStatistics(num_examples=count, features=[feature])])


@pytest.mark.parametrize(("before", "after"), CASES)
def test_l_infinity_and_jensen_shannon_are_tfdvs(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    found = cells(profile(before), profile(after))
    assert l_infinity(found) == pytest.approx(tfdv_distance(before, after, "infinity_norm"), abs=1e-9)
    assert jensen_shannon(found) == pytest.approx(tfdv_distance(before, after, "jensen_shannon_divergence"), abs=1e-9)


def test_all_distances_of_equal_profiles_are_zero() -> None:
    found = cells(profile(CASES[0][0]), profile(CASES[0][0]))
    assert [distance(found) for distance in (total_variation, l_infinity, jensen_shannon, population_stability)] == [0.0] * 4


def test_profiles_without_a_common_value_are_as_far_apart_as_can_be() -> None:
    found = cells(profile({"web": 100}), profile({"shop": 7}))
    assert total_variation(found) == l_infinity(found) == jensen_shannon(found) == pytest.approx(1.0)
    assert population_stability(found) > 5


def test_population_stability_is_the_sum_that_its_name_stands_for() -> None:
    found = Cells(("a", "b"), np.array([60, 40]), np.array([40, 60]))
    assert population_stability(found) == pytest.approx(2 * 0.2 * np.log(1.5))


def test_what_chance_makes_of_one_distribution_is_what_it_is_expected_to_make() -> None:
    chance = np.random.default_rng(1)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    samples = [Cells(("",) * 4, chance.multinomial(800, shares), chance.multinomial(300, shares)) for _ in range(400)]
    measured = np.mean([jensen_shannon(found) for found in samples])
    assert measured == pytest.approx(chance_divergence(samples[0]), rel=0.1)


def test_text_and_null_in_a_column_of_numbers_have_cells_of_their_own() -> None:
    before = _profile_column(pa.array([1.0, 2.0, 3.0, 4.0]))
    after = _profile_column(pa.array(["1", "2", "n/a", None]))
    found = cells(before, after)
    assert found.labels[-4:] == ("NULL", "text", "NaN", "infinity")
    assert found.after[-4:].tolist() == [1, 1, 0, 0]
    assert total_variation(found) == pytest.approx(0.5)
    assert total_variation(cells(before, after, only_values=True)) == pytest.approx(0.5)
