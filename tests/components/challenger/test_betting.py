"""Challengers are told apart by keys alone, however often somebody looks."""

import numpy as np
import pytest

from components.challenger.betting import ALPHA, Judgement, _log_wealth, judge
from components.policy.rollout import ChallengerVerdict

KEYS = 20_000
LOOKS = 20
NOISE = {"equal": 0.5, "worse": 0.7, "better": 0.2}
"""Of a challenger's scores, on the scale of logits. Those of the live version have 0.5: of AUC the worse one has 0.02 less."""


def losses(seed: int, challenger: str) -> tuple[np.ndarray, np.ndarray]:
    """Of both versions, by key: customers of whom one in seven buys, and who have one to five rows that repeat each other."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(1, 6, KEYS)
    key = np.repeat(np.arange(KEYS), rows)
    logit = np.repeat(rng.normal(-2.2, 1.0, KEYS), rows)
    label = rng.random(len(key)) < 1 / (1 + np.exp(-logit))
    scores = (1 / (1 + np.exp(-logit - np.repeat(rng.normal(0, noise, KEYS), rows))) for noise in (NOISE["equal"], NOISE[challenger]))
    live, other = (np.bincount(key, (score - label) ** 2) / rows for score in scores)
    return live, other


def first_word(seed: int, challenger: str) -> Judgement:
    """What is said when something is, of somebody who looks twenty times."""
    live, other = losses(seed, challenger)
    looks = [judge(live[:end], other[:end]) for end in range(KEYS // LOOKS, KEYS + 1, KEYS // LOOKS)]
    return next((one for one in looks if one.verdict is not ChallengerVerdict.UNKNOWN), looks[-1])


def test_of_twenty_equal_challengers_at_most_one_is_called_worse_and_of_twenty_worse_ones_at_least_nineteen() -> None:
    equal = [first_word(seed, "equal").verdict for seed in range(20)]
    worse = [first_word(seed, "worse").verdict for seed in range(20, 40)]
    assert equal.count(ChallengerVerdict.WORSE) + equal.count(ChallengerVerdict.BETTER) <= 1
    assert worse.count(ChallengerVerdict.WORSE) >= 19


def test_a_better_challenger_is_called_better() -> None:
    first = [first_word(seed, "better").verdict for seed in range(20)]
    assert set(first) <= {ChallengerVerdict.BETTER, ChallengerVerdict.AS_GOOD}
    assert [judge(*losses(seed, "better")).verdict for seed in range(20)].count(ChallengerVerdict.BETTER) >= 19


def test_looking_after_every_key_is_seldom_wrong() -> None:
    rng = np.random.default_rng(1)
    passed = [_log_wealth(rng.choice([-1.0, 0.0, 0.0, 0.0, 1.0], 2_000)).max() >= -np.log(ALPHA) for _ in range(400)]
    assert np.mean(passed) <= ALPHA


def test_it_says_how_many_more_keys_it_takes() -> None:
    live, other = losses(4, "worse")
    early = judge(live[:1000], other[:1000])
    assert early.verdict is ChallengerVerdict.UNKNOWN
    assert early.more_keys is not None
    needed = next(end for end in range(1000, KEYS, 50) if judge(live[:end], other[:end]).verdict is not ChallengerVerdict.UNKNOWN) - 1000
    assert needed / 4 < early.more_keys < 4 * needed


@pytest.mark.parametrize("keys", [0, 1, 24])
def test_of_a_handful_of_keys_nothing_is_known(keys: int) -> None:
    found = judge(np.full(keys, 0.4), np.full(keys, 0.5))
    assert (found.verdict, found.keys, found.more_keys) == (ChallengerVerdict.UNKNOWN, keys, None)


def test_versions_that_answer_alike_are_as_good() -> None:
    loss = np.random.default_rng(2).random(3_000)
    assert judge(loss, loss).verdict is ChallengerVerdict.AS_GOOD


def test_keys_that_come_later_change_nothing_of_what_was_known() -> None:
    gain = np.random.default_rng(5).uniform(-0.2, 0.3, 500)
    assert np.array_equal(_log_wealth(gain)[:200], _log_wealth(gain[:200]))
