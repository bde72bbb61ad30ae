"""What TensorFlow finds in the files of examples."""

from collections.abc import Iterator
from pathlib import Path

Features = dict[str, int | float | bytes]


def serialized(path: Path) -> Iterator[bytes]:
    """The records of a file, by TensorFlow's own reader, which checks every checksum."""
    import tensorflow as tf

    for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP"):
        yield record.numpy()


def parse(record: bytes) -> Features:
    """The features of one example that are there; each has one value."""
    import tensorflow as tf

    features = {}
    for name, feature in tf.train.Example.FromString(record).features.feature.items():
        (value,) = getattr(feature, feature.WhichOneof("kind")).value
        features[name] = value
    return features


def read_split(folder: Path, split: str) -> dict[str, list[Features]]:
    """The examples of a split, by the date in the name of their file."""
    files = sorted((folder / f"Split-{split}").iterdir())
    return {path.name.removeprefix("data_tfrecord-").removesuffix(".gz"): [parse(record) for record in serialized(path)] for path in files}


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.gz"))}
