"""What the step `read` does."""

import json
from pathlib import Path

from components.examples.digest import DIGEST, examples_sha256, hash_files
from components.examples.read import read_examples, read_span_profiles, write_counts
from components.model.sections import Split
from components.profiles.file import write_profiles
from components.runs.outcome import Step
from components.snapshot.query import check_query
from components.snapshot.step import snapshot_of
from components.tfx.artifacts import KfpArtifact


def write_examples(step: Step, snapshot: KfpArtifact, examples: KfpArtifact, counts: KfpArtifact, profile: KfpArtifact) -> None:
    """Fill the artifact `examples` as TFX's ExampleGen would, and the two others with the counts and profiles of its rows."""
    model, pinned = step.model, snapshot_of(snapshot)
    check_query(step.cloud, model, table=pinned.snapshot_table, window=pinned.window)
    split_counts = read_examples(step.cloud, model, pinned, Path(examples.path))
    write_counts(split_counts, Path(counts.path))
    write_profiles(read_span_profiles(step.settings, model, pinned), Path(profile.path))
    counts.metadata[DIGEST] = examples_sha256(hash_files(Path(examples.path)))
    splits = [split for split in Split if any(count.split == split for count in split_counts)]
    examples.metadata |= {
        "tfx_type": "Examples",
        "split_names": json.dumps(splits, separators=(",", ":")),
        "payload_format": "FORMAT_TF_EXAMPLE",
        "file_format": "tfrecords_gzip",
        "rows": sum(count.rows for count in split_counts),
    }
