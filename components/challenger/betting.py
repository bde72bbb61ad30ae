"""Tests that may be looked at after every key: is the challenger worse, better, or as good?

One observation is one key: the difference of two mean losses between 0 and 1, in an order that later keys do not change. The wealth of a
bettor against a hypothesis is a test that holds at any time (Waudby-Smith and Ramdas, 2024, Estimating means of bounded random variables
by betting; Ville's inequality): the chance that it ever passes 1 / ALPHA, though the hypothesis is true, is at most ALPHA.
"""

import math
from dataclasses import dataclass

import numpy as np

from components.policy.rollout import ChallengerVerdict

ALPHA = 0.02
"""Each claim is wrong in at most so many of the cases in which it is not true, however often one looks."""
AS_GOOD_WITHIN = 0.02
"""As good is a challenger that loses at most so much more, of what the live version loses."""
PRIOR_KEYS, PRIOR_SQUARE = 25, 0.01
"""Stakes are small until so many keys are known; and the second moment that is thought of until then."""
HIGHEST_STAKE = 0.9
"""Of what could be lost, so that one key never ends a bet."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the keys so far say."""

    verdict: ChallengerVerdict
    keys: int
    live_loss: float
    """The mean over keys."""
    challenger_loss: float
    more_keys: int | None
    """How many more it likely takes until something is known, if keys go on as they are; None if something is, or nobody can say."""


def judge(live: np.ndarray, challenger: np.ndarray) -> Judgement:
    """Judge a challenger by the losses of both versions, float64 [keys], each between 0 and 1.

    The order of the keys must not depend on the losses, and keys that come later must stand behind those that were there before.
    """
    claims = {
        ChallengerVerdict.WORSE: challenger - live,
        ChallengerVerdict.BETTER: live - challenger,
        ChallengerVerdict.AS_GOOD: ((1 + AS_GOOD_WITHIN) * live - challenger) / (1 + AS_GOOD_WITHIN),
    }
    wealth = {claim: _log_wealth(gain) for claim, gain in claims.items()}
    verdict = next((claim for claim, one in wealth.items() if _is_proved(one)), ChallengerVerdict.UNKNOWN)
    waits = [_more_keys(gain, wealth[claim]) for claim, gain in claims.items()] if verdict is ChallengerVerdict.UNKNOWN else []
    return Judgement(
        verdict=verdict,
        keys=len(live),
        live_loss=float(live.mean()) if len(live) else math.nan,
        challenger_loss=float(challenger.mean()) if len(live) else math.nan,
        more_keys=min((one for one in waits if one is not None), default=None),
    )


def _log_wealth(gain: np.ndarray) -> np.ndarray:
    """The logarithm of what a bet on "the mean is above 0" has come to after each key, float64 [keys].

    The stake follows from the keys before alone: mean over second moment, as Kelly would bet, shrunk by a prior, and cut.
    """
    seen = np.arange(1, len(gain) + 1)
    mean = np.cumsum(gain) / (seen + PRIOR_KEYS)
    square = (np.cumsum(gain**2) + PRIOR_KEYS * PRIOR_SQUARE) / (seen + PRIOR_KEYS)
    stake = np.concatenate([[0.0], np.clip(mean / square, 0, HIGHEST_STAKE)[:-1]])
    return np.cumsum(np.log1p(stake * gain))


def _is_proved(wealth: np.ndarray) -> bool:
    return bool(len(wealth)) and float(wealth.max()) >= -math.log(ALPHA)


def _more_keys(gain: np.ndarray, wealth: np.ndarray) -> int | None:
    """How many more keys like those so far a bet takes; None if it does not grow by them."""
    if len(gain) < PRIOR_KEYS:
        return None
    mean, square = float(gain.mean()), float((gain**2).mean())
    if mean <= 0:
        return None
    stake = min(mean / square, HIGHEST_STAKE)
    growth = stake * mean - stake**2 * square / 2
    return math.ceil((-math.log(ALPHA) - float(wealth[-1])) / growth)
