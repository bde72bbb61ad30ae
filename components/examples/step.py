"""What the step `read` does."""

from pathlib import Path

from components.examples.digest import DIGEST, examples_sha256, hash_files
from components.examples.read import read_examples, read_span_profiles, write_counts
from components.google import bigquery_client, bigquery_read_client
from components.model.folder import read_model
from components.profiles.file import write_profiles
from components.settings import Settings
from components.snapshot.source import check_query
from components.snapshot.step import snapshot_of
from components.tfx.artifacts import KfpArtifact


def write_examples(
    settings: Settings, model: str, snapshot: KfpArtifact, examples: KfpArtifact, counts: KfpArtifact, profile: KfpArtifact
) -> None:
    """Fill the artifact as TFX's ExampleGen would, and those of what is in it."""
    clients = bigquery_client(settings), bigquery_read_client(settings)
    read, pinned = read_model(settings.models_folder, model), snapshot_of(snapshot)
    check_query(clients[0], settings, read, table=pinned.snapshot_table, window=pinned.window)
    found = read_examples(*clients, settings, read, pinned, Path(examples.path))
    write_counts(found, Path(counts.path))
    write_profiles(read_span_profiles(settings, read, pinned), Path(profile.path))
    counts.metadata[DIGEST] = examples_sha256(hash_files(Path(examples.path)))
    examples.metadata |= {
        "tfx_type": "Examples",
        "split_names": '["train","eval"]',
        "payload_format": "FORMAT_TF_EXAMPLE",
        "file_format": "tfrecords_gzip",
        "rows": sum(count.rows for count in found),
    }
