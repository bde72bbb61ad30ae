"""What the step `read` does."""

from pathlib import Path

from components.examples.read import read_examples, write_counts
from components.google import bigquery_client, bigquery_read_client
from components.model import read_model
from components.settings import Settings
from components.snapshot.step import snapshot_of
from components.tfx.artifacts import KfpArtifact


def write_examples(settings: Settings, model: str, snapshot: KfpArtifact, examples: KfpArtifact, counts: KfpArtifact) -> None:
    """Fill the artifact as TFX's ExampleGen would."""
    clients = bigquery_client(settings), bigquery_read_client(settings)
    found = read_examples(*clients, settings, read_model(settings.models_folder, model), snapshot_of(snapshot), Path(examples.path))
    write_counts(found, Path(counts.path))
    examples.metadata |= {
        "tfx_type": "Examples",
        "split_names": '["train","eval"]',
        "payload_format": "FORMAT_TF_EXAMPLE",
        "file_format": "tfrecords_gzip",
        "rows": sum(count.rows for count in found),
    }
