"""TFX's Transform without Beam: rows are added up span by span, what a span comes to is kept, and tf.Transform's own code does the rest.

What is equal to TFX's Transform, and what differs in its last bits: docs/architecture.md.
"""

import json
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tensorflow_transform import TFTransformOutput
from tensorflow_transform.nodes import Traverser
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata
from tensorflow_transform.tf_metadata.metadata_io import read_metadata, write_metadata
from tfx_bsl.tfxio.tf_example_record import TFExampleBeamRecord

from components.analysis.accumulate import Accumulation, accumulate
from components.analysis.nodes import Computation, Outputs, RowsWanted, UnknownAnalysisError
from components.analysis.tft_private import DESCRIPTION, Preprocessing, Tensors
from components.canonical import fingerprint
from components.columns.decoded import read_decoded
from components.files import file_sha256, kept
from components.runs.provenance import environment_digest

FORMAT = 1
"""Change it when the same rows would add up to something else, so that nothing kept before is taken."""
ROWS = 4_096
"""Decoded and added up at a time: float32 sums of batches are added up in float64, so that small ones are more exact."""


def read_schema(folder: Path) -> Schema:
    """The schema in a folder."""
    (path,) = folder.iterdir()
    return text_format.Parse(path.read_text(), Schema())


@dataclass(frozen=True)
class RawRows:
    """Examples in files of gzipped TFRecords, one a span, in the order of the spans."""

    spans: Sequence[Path]
    schema: Schema

    @cached_property
    def adapter(self) -> Any:
        """Makes tensors of decoded rows, as TFX does."""
        return TFExampleBeamRecord("tfrecords_gzip", ["perennial"], self.schema).TensorAdapter()

    def read(self, span: Path) -> Iterator[Tensors]:
        """The rows of a span in batches."""
        for table in read_decoded([span], ROWS, self.schema):
            yield self.adapter.ToBatchTensors(table, produce_eager_tensors=True)


@dataclass(frozen=True)
class Cache:
    """Where what spans come to is kept."""

    folder: Path
    code: str
    """Changes with whatever the features of a model depend on, but rows."""

    def file(self, span: Path) -> Path:
        """That of a span's accumulators."""
        return self.folder / fingerprint([FORMAT, ROWS, environment_digest(), self.code, file_sha256(span)])


def analyse(function: Callable[[dict[str, Any]], dict[str, Any]], rows: RawRows, cache: Cache, graph: Path) -> None:
    """Write the transform graph of a preprocessing_fn, as TFX's Transform leaves it.

    Args:
        function: the preprocessing_fn.
        rows: those of the train split.
        cache: has what is known of spans that were met before.
        graph: the folder to write into.

    Raises:
        UnknownAnalysisError: only TFX's Transform knows an analyzer that the function uses; nothing was written.
    """
    with tempfile.TemporaryDirectory() as temporary:
        features = Preprocessing(function, rows.adapter.OriginalTypeSpecs(), Path(temporary))
        plan = features.plan()
        if plan.is_trained:
            raise UnknownAnalysisError("variables to train")
        wanted = RowsWanted()
        Traverser(wanted).visit_value_node(plan.last)

        def look(asked: Outputs) -> list[dict[str, Any]]:
            return _accumulators(features, asked, rows, wanted.accumulations[asked.phase], cache)

        def write(asked: Outputs) -> None:
            features.write(plan, asked, graph / TFTransformOutput.TRANSFORM_FN_DIR)

        Traverser(Computation(look, write, Path(temporary))).visit_value_node(plan.last)
    write_metadata(DatasetMetadata(rows.schema), str(graph / TFTransformOutput.RAW_METADATA_DIR))
    transformed = graph / TFTransformOutput.TRANSFORMED_METADATA_DIR
    write_metadata(read_metadata(str(graph / TFTransformOutput.TRANSFORM_FN_DIR / DESCRIPTION)), str(transformed))
    if plan.assets:
        (transformed / TFTransformOutput.ASSET_MAP).write_text(json.dumps(plan.assets))


def _accumulators(
    features: Preprocessing, asked: Outputs, rows: RawRows, accumulations: Sequence[Accumulation], cache: Cache
) -> list[dict[str, Any]]:
    """What each span comes to, by label. Of a later phase, which depends on all rows by what came of the first, nothing is kept."""
    traced = features.traced(asked)

    def add_up(span: Path) -> bytes:
        batches = (traced(batch) for batch in rows.read(span))
        return pickle.dumps(accumulate(accumulations, ({name: np.asarray(found) for name, found in batch.items()} for batch in batches)))

    def of_span(span: Path) -> bytes:
        return add_up(span) if asked.phase else kept(cache.file(span), lambda: add_up(span))

    return list(map(pickle.loads, map(of_span, rows.spans)))
