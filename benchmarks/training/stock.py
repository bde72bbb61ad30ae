"""The stock TFX pipeline over a folder of CSV, as TFX's own tutorials write it, under LocalDagRunner.

python -m benchmarks.training.stock MODEL CSV_FOLDER OUT_FOLDER
"""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

from absl import logging as absl_logging
from google.protobuf import json_format

from components.evaluation.config import eval_config
from components.model.folder import Model, read_model
from components.settings import read_settings

MODULE = "components.training.trainer"
TRAINER = "benchmarks.training.stock_trainer"
"""Both named and not given as files, which TFX would make wheels of in every run: the faster of the two ways."""

BEAM_ARGUMENTS = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--sdk_container_image=none",
)
"""As fast as no arguments at all, which would try to download a runner first: Beam's in-process runner is named, and naming any image keeps
TFX from packing itself into an archive for every component."""


def main() -> None:
    """Run it, and leave the seconds of each component in OUT_FOLDER/seconds.json."""
    name, rows, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    settings = read_settings()
    components = make_components(read_model(settings.models_folder, name), rows, out)
    seconds = ComponentSeconds()
    absl_logging.set_verbosity(absl_logging.INFO)
    logging.getLogger("absl").addHandler(seconds)
    run(components, out)
    (out / "seconds.json").write_text(json.dumps(seconds.of_each))


def make_components(model: Model, rows: Path, out: Path) -> list[Any]:
    """The components, with their defaults wherever the model does not say otherwise."""
    import tensorflow_model_analysis as tfma
    from tfx import v1 as tfx

    shares = {"train": model.split.train, "eval": model.split.eval}
    splits = [tfx.proto.SplitConfig.Split(name=name, hash_buckets=share) for name, share in shares.items()]
    output = tfx.proto.Output(split_config=tfx.proto.SplitConfig(splits=splits))
    config = {"model": model.name, "models_folder": str(model.folder.parent)}

    examples = tfx.components.CsvExampleGen(input_base=str(rows), output_config=output)
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = tfx.components.ImportSchemaGen(schema_file=str(model.folder / "schema.pbtxt"))
    validator = tfx.components.ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn=f"{MODULE}.preprocessing_fn",
        custom_config=config,
    )
    trainer = tfx.components.Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=tfx.proto.TrainArgs(),
        eval_args=tfx.proto.EvalArgs(),
        run_fn=f"{TRAINER}.run_fn",
        custom_config=config,
    )
    evaluator = tfx.components.Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        eval_config=json_format.Parse(eval_config(model), tfma.EvalConfig()),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(out / "pushed"))),
    )
    return [examples, statistics, schema, validator, transform, trainer, evaluator, pusher]


def run(components: list[Any], out: Path) -> None:
    """Run them one after the other, the metadata in SQLite."""
    from tfx import v1 as tfx

    pipeline = tfx.dsl.Pipeline(
        pipeline_name="stock",
        pipeline_root=str(out / "artifacts"),
        components=components,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(out / "metadata.db")),
        beam_pipeline_args=list(BEAM_ARGUMENTS),
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)


class ComponentSeconds(logging.Handler):
    """Listens to LocalDagRunner saying which component runs and which is finished."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.of_each: dict[str, float] = {}
        self._started = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Take the time."""
        if record.msg == "Component %s is running.":
            self._started = time.monotonic()
        elif record.msg == "Component %s is finished.":
            (name,) = record.args  # type: ignore[misc]
            self.of_each[str(name)] = time.monotonic() - self._started


if __name__ == "__main__":
    main()
