"""A SavedModel with the columns of `churn` as a model of MLflow's, in an environment of its own: nothing of ours is imported here.

python benchmarks/service/mlflow_model.py SAVED_MODEL FOLDER

It asks the signature `packed` by the same callable of a session as our service, so that the servers are compared and not the calls.
"""

import sys
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.types import ColSpec, Schema

WHOLE = ("cds", "days_since_first", "days_since_purchase", "purchases", "purchases_30_days", "purchases_90_days")
REAL = ("largest_purchase", "mean_purchase", "spend", "spend_90_days")
TEXTS = ("recency_band", "segment")


class Churn(mlflow.pyfunc.PythonModel):  # type: ignore[misc] # MLflow is not there for mypy
    """One call for all rows of a request."""

    def load_context(self, context: Any) -> None:
        """Load the SavedModel into a session."""
        import tensorflow as tf
        from tensorflow.core.protobuf import config_pb2

        config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)
        self.session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
        with self.session.graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self.session, ["serve"], context.artifacts["saved_model"])
        packed = loaded.signature_def["packed"]
        feed = [packed.inputs[name].name for name in ("int64", "float32", "string")]
        options = config_pb2.CallableOptions(feed=feed, fetch=[next(iter(packed.outputs.values())).name])
        self.call = self.session._make_callable_from_options(options)

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> np.ndarray:  # noqa: ARG002 - as MLflow calls it
        """The scores."""
        texts = np.array([[text.encode() for text in row] for row in model_input[list(TEXTS)].to_numpy()], object)
        whole, real = model_input[list(WHOLE)].to_numpy(np.int64), model_input[list(REAL)].to_numpy(np.float32)
        scores: np.ndarray = self.call(whole, real, texts)[0][:, 0]
        return scores


def main() -> None:
    """Save the model, with the signature that MLflow's server reads requests by."""
    columns = (
        [ColSpec("long", name) for name in WHOLE] + [ColSpec("float", name) for name in REAL] + [ColSpec("string", name) for name in TEXTS]
    )
    signature = mlflow.models.ModelSignature(inputs=Schema(columns))
    artifacts = {"saved_model": sys.argv[1]}
    mlflow.pyfunc.save_model(sys.argv[2], python_model=__file__, artifacts=artifacts, signature=signature, pip_requirements=[])


mlflow.models.set_model(Churn())
if __name__ == "__main__":
    main()
