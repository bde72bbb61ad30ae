"""The keys of examples: their hashes, which say in which split a row is, and beside every file of examples those of its rows.

Rows of one key are no independent observations: whoever asks what chance explains counts keys (docs/evaluation.md).
"""

from pathlib import Path

import farmhash
import numpy as np
import pyarrow as pa


def key_hashes(keys: pa.Array) -> np.ndarray:
    """FARM_FINGERPRINT(CAST(key AS STRING)), as BigQuery computes it; int64 of the keys' length."""
    unsigned = np.fromiter(map(farmhash.fingerprint64, keys.cast(pa.string()).to_pylist()), np.uint64, len(keys))
    return unsigned.view(np.int64)


def buckets_of(hashes: np.ndarray, buckets: int) -> np.ndarray:
    """MOD(ABS(hash), buckets) of `key_hashes`, int64 of their length.

    The one fingerprint that has no absolute value in int64, an error in BigQuery, is in bucket 0.
    """
    found: np.ndarray = np.abs(np.where(hashes == np.iinfo(np.int64).min, 0, hashes)) % buckets
    return found


def split_buckets(keys: pa.Array, buckets: int) -> np.ndarray:
    """The bucket of each key, int64 of their length."""
    return buckets_of(key_hashes(keys), buckets)


def keys_file(examples: Path) -> Path:
    """Where the keys' hashes lie, int64 [rows], of the rows of a file of examples: Split-eval/NAME.gz has Keys-eval/NAME.npy."""
    split = examples.parent.name.removeprefix("Split-")
    return examples.parent.parent / f"Keys-{split}" / f"{examples.name.removesuffix('.gz')}.npy"
