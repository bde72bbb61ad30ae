"""What tf.Transform (1.21) keeps private of its analysis, in one file.

The version is pinned, and a test holds what comes out against TFX's Transform.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_transform import annotators, graph_tools, impl_helper
from tensorflow_transform.beam import analysis_graph_builder
from tensorflow_transform.graph_context import TFGraphContext

from components.analysis.nodes import Outputs

DESCRIPTION = impl_helper.METADATA_DIR_NAME
"""The folder in the SavedModel with the schema of what it gives."""
Tensors = Mapping[str, Any]
"""By name."""


@dataclass(frozen=True)
class AnalysisPlan:
    """An analysis as a graph of nodes."""

    last: Any
    """The node that makes the SavedModel."""
    analyzers: Any
    """By which tf.Transform notices a preprocessing_fn that does not do the same each time."""
    assets: Mapping[str, str]
    """The files of vocabularies, by their keys."""
    is_trained: bool
    """Whether the preprocessing_fn has variables to train, which tf.Transform refuses."""


@dataclass(frozen=True)
class Preprocessing:
    """A preprocessing_fn, and what it is given."""

    function: Callable[[dict[str, Any]], dict[str, Any]]
    columns: Mapping[str, tf.TypeSpec]
    """By name."""
    temporary: Path
    """A folder for files that go with the analysis."""

    def plan(self) -> AnalysisPlan:
        """What is to be found out about the rows."""
        graph, inputs, outputs = impl_helper.trace_preprocessing_function(self.function, self.columns, False, str(self.temporary))
        assets = annotators.get_asset_annotations(graph)
        annotators.clear_asset_annotations(graph)
        analyzers = graph_tools.get_analyzers_fingerprint(graph, inputs)
        is_trained = bool(graph.get_collection(tf.compat.v1.GraphKeys.TRAINABLE_VARIABLES))
        last, _, _ = analysis_graph_builder.build(graph, inputs, outputs)
        return AnalysisPlan(last, analyzers, assets, is_trained)

    def traced(self, asked: Outputs) -> Callable[[Tensors], Tensors]:
        """The function from raw columns to what is asked for."""
        context = TFGraphContext(module_to_export=tf.Module(), temp_dir=str(self.temporary), evaluated_replacements=asked.known or None)
        names = {name: tensor.name for name, tensor in asked.tensors.items()}
        traced: Callable[[Tensors], Tensors] = impl_helper.get_traced_transform_fn(
            self.function, self.columns, context, output_keys_to_name_map=names
        )
        return traced

    def write(self, plan: AnalysisPlan, asked: Outputs, folder: Path) -> None:
        """Write the SavedModel that transforms, and in it the schema of what it gives."""
        impl_helper.trace_and_write_v2_saved_model(
            str(folder), self.function, self.columns, str(self.temporary), plan.analyzers, asked.known or None, None, None
        )
