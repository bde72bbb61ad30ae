"""TFMA's files: the configuration that it takes, and what its readers find in the folder of an evaluation."""

from pathlib import Path
from typing import Any

from components.measurement import tfma_private
from components.measurement.measurement import Measurement


def parse_config(text: str) -> Any:
    """An EvalConfig from JSON, completed with TFMA's defaults as the stock Evaluator does."""
    from google.protobuf import json_format
    from tensorflow_model_analysis.proto import config_pb2
    from tensorflow_model_analysis.utils import config_util

    config = json_format.Parse(text, config_pb2.EvalConfig())
    completed = config_util.update_eval_config_with_defaults(config, has_baseline=False, rubber_stamp=True)
    config_util.verify_eval_config(completed)
    return completed


def write_results(config: Any, measurement: Measurement, folder: Path, *, saved_model: str = "<unknown>") -> Any:
    """Write what `tfma.load_eval_result` and `tfma.load_validation_result` read. Returns TFMA's ValidationResult.

    Args:
        config: what was measured.
        measurement: of all rows.
        folder: is made.
        saved_model: where the model is, for the reader.
    """
    import tensorflow as tf
    from google.protobuf import json_format
    from tensorflow_model_analysis.proto import config_pb2

    folder.mkdir(parents=True, exist_ok=True)
    protos = tfma_private.protos(config, list(measurement.metrics()))
    for name, records in protos.items():
        file = f"{name}.tfrecord" if name == "validations" else f"{name}-00000-of-00001.tfrecord"
        with tf.io.TFRecordWriter(str(folder / file)) as writer:
            for record in records:
                writer.write(record.SerializeToString(deterministic=True))
    run = config_pb2.EvalRun(
        eval_config=config,
        version=tfma_private.VERSION,
        data_location="<user provided PCollection>",
        file_format="<unknown>",
        model_locations={"": saved_model},
    )
    (folder / "eval_config.json").write_text(json_format.MessageToJson(run))
    return protos["validations"][0]
