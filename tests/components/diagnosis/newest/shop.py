"""A table of visits whose label can be told from its pages, and versions whose SavedModels are one line of arithmetic."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from google.cloud import bigquery

from components.cloud import Cloud
from components.diagnosis.newest.newest import Newest, look_at_newest
from components.diagnosis.newest.verdict import Between
from components.model.folder import Model
from components.registry.history import read_version
from components.runs.record import Run
from components.storage.manifest import CODE
from components.storage.objects import push_folder
from tests.components.conftest import BY_DAY
from tests.components.diagnosis.compared import metric
from tests.components.recorded import record_pin, register, version_of
from tests.components.visits import COLUMNS, Row, Site, day

VISITORS = 400
TRAINED, DIED, TODAY = 6, 9, 16
"""Days: the last that versions are trained on, the first whose data are other, the last that there is."""
SQL = "SELECT day AS as_of, visitor, COALESCE(pages, 0) AS pages, seconds, device, returned FROM {source} WHERE day IN UNNEST(@spans)"
STRICT_SQL = SQL.replace("COALESCE(pages, 0) AS pages", "pages")
THREE_CLASSES = {
    'task = "binary_classification"': 'task = "multiclass_classification"',
    'label = "returned"': 'label = "returned"\nclasses = ["few", "some", "many"]',
    'metric = "auc"': 'metric = "accuracy"',
}
Change = Callable[[dict[str, object]], dict[str, object]]


def rows(number: int, *, classes: int = 2) -> list[dict[str, object]]:
    """The visits of a day; the same for the same day. Who sees many pages returns."""
    chance = np.random.default_rng(number)
    pages = chance.integers(0, 9, VISITORS)
    labels = pages * classes // 9
    return [
        {
            "day": day(number).isoformat(),
            "visitor": visitor,
            "pages": int(pages[visitor]),
            "seconds": float(chance.uniform(1, 9)),
            "device": "phone" if visitor % 3 else "desk",
            "returned": int(labels[visitor]),
        }
        for visitor in range(VISITORS)
    ]


def save(folder: Path, *, classes: int, turned: bool) -> None:
    """A model that puts a row into the class of its pages, or, turned, into the opposite one."""
    import tensorflow as tf

    specification = {"pages": tf.io.FixedLenFeature([1], tf.int64)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")], autograph=False)  # type: ignore[untyped-decorator]
    def score(examples: Any) -> Mapping[str, Any]:
        pages = tf.cast(tf.io.parse_example(examples, specification)["pages"], tf.float32)
        pages = 8.0 - pages if turned else pages
        if classes == 2:
            return {"score": tf.sigmoid(pages - 4.25)}
        middles = tf.constant([[1.0, 4.0, 7.0]])
        return {"score": tf.nn.softmax(-((pages - middles) ** 2))}

    module = tf.Module()
    module.score = score
    tf.saved_model.save(module, str(folder), signatures={"serving_default": score})


@dataclass
class Shop:
    """Where versions are made and looked at."""

    site: Site
    cloud: Cloud
    new_run: Callable[..., Run]
    folder: Path
    name: str
    classes: int = 2
    told: list[str] = field(default_factory=list)
    """What was said on the way."""

    def model(self, sql: str = SQL) -> Model:
        """The model's folder of today."""
        toml = THREE_CLASSES if self.classes == 3 else {}
        return self.site.model(name=self.name, sql=sql, toml=toml)

    def load(self, first: int, last: int, change: Change = lambda row: row, columns: Sequence[bigquery.SchemaField] = COLUMNS) -> None:
        """Load the days."""
        found: list[Row] = [change(row) for number in range(first, last + 1) for row in rows(number, classes=self.classes)]
        config = bigquery.LoadJobConfig(schema=columns, write_disposition="WRITE_APPEND")
        self.site.client.load_table_from_json(found, self.site.name, job_config=config).result()

    def recreate(self, columns: Sequence[bigquery.SchemaField], change: Change) -> None:
        """The same table with other columns, and all days in it."""
        self.site.client.delete_table(self.site.name)
        self.site.create(partitioning=BY_DAY, schema=columns)
        self.load(1, TODAY, change, columns)

    def put_version(self, *, turned: bool = False, sql: str = SQL, measured: float = 0.97, through: int = TRAINED) -> int:
        """Train a version, as it were."""
        model = self.model(sql)
        snapshot, run = self.site.pin(model, through), self.new_run(model=self.name)
        saved = self.folder / run.run_id
        save(saved, classes=self.classes, turned=turned)
        shutil.copytree(model.folder, saved / CODE)
        manifest = push_folder(self.cloud.storage, self.cloud.settings.bucket, model=self.name, folder=saved, metadata={})
        names = ("accuracy", "macro_auc", "macro_f1") if self.classes == 3 else ("auc", "binary_accuracy")
        with self.cloud.engine.begin() as connection:
            record_pin(connection, run, snapshot)
            new = version_of(run, snapshot.snapshot_id, manifest)
            return register(connection, new, metrics=[metric(measured, name=name, half=0.02) for name in names])

    def look(self, *numbers: int, through: date | None = None) -> Newest:
        """Hold the versions against the table as it is."""
        with self.cloud.engine.connect() as connection:
            stories = [read_version(connection, self.name, number) for number in numbers]
        between = Between(difference="Likely culprit: the code, network.py")
        return look_at_newest(self.cloud, self.model(), stories, between=between, through=through, progress=self.told.append)
