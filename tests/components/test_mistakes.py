"""What beginners do wrong, and what they are told before anything is trained: the file, the line where there is one, what to write instead.

docs/own-model.md lists them ("Mistakes and what they look like").
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.cloud import bigquery

from components.checks.findings import ranked, read_findings, refusal
from components.checks.step import Inspection, inspect_rows, inspect_source
from components.errors import PerennialError
from components.examples.step import write_examples
from components.google import quoted
from components.model.folder import read_model
from components.settings import REPOSITORY
from components.snapshot.columns import read_features
from components.snapshot.query import check_query
from components.snapshot.step import snapshot_of, write_snapshot
from components.training.features import transformed
from components.training.network import build_network, require_probabilities
from tests.components.artifacts import artifact, step
from tests.components.visits import COLUMNS, DAYS, SCHEMA, SQL, Row, Site, day, visits, write_model

BY_DAY = bigquery.TimePartitioning(field="day")
CLASSES = {
    'task = "binary_classification"': 'task = "multiclass_classification"',
    'label = "returned"': 'label = "returned"\nclasses = ["no", "yes"]',
    'metric = "auc"': 'metric = "accuracy"',
}
FEATURES = "import tensorflow as tf\n\ndef preprocessing_fn(inputs):\n    BODY\n"
KEPT = "return {'pages': inputs['pages'], 'returned': inputs['returned']}"
MISSPELT = KEPT.replace("['pages']", "['pges']")
NETWORK = """
import keras

def build(features, learning_rate):
    inputs = {name: keras.Input((1,), name=name, dtype=dtype) for name, dtype in features.items()}
    score = keras.layers.Dense(1, activation=ACTIVATION)(keras.ops.cast(inputs["pages"], "float32"))
    return keras.Model(inputs, OUTPUTS)
"""


def network(activation: str = '"sigmoid"', outputs: str = "score") -> str:
    return NETWORK.replace("ACTIVATION", activation).replace("OUTPUTS", outputs)


def many(number: int, visitors: int = 300) -> list[Row]:
    """The rows of a day, enough for every check to judge."""
    chance = np.random.default_rng(number)
    return [
        {
            "day": day(number).isoformat(),
            "visitor": visitor,
            "pages": int(chance.integers(1, 9)),
            "seconds": float(chance.exponential(60)),
            "device": "phone" if visitor % 3 else "desk",
            "returned": int(chance.integers(0, 2)),
        }
        for visitor in range(1, visitors + 1)
    ]


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A model that somebody writes, and what is said of it. In the sentence <folder>, <table>, <name> and <copy> stand for their names."""

    said: str
    """How the sentence begins."""
    remedy: str
    """How it ends."""
    toml: Mapping[str, str] = field(default_factory=dict)
    sql: str = SQL
    schema: str = SCHEMA
    files: Mapping[str, str] = field(default_factory=dict)
    rows: Callable[[int], Sequence[Row]] = visits
    """Of a day, by its number."""
    partitioning: bigquery.TimePartitioning | None = BY_DAY
    through: int = DAYS


SEE = "; correct it (see pipelines/models/churn)"
IN_MODEL_TOML = {
    "a key that does not exist": Mistake(
        toml={"newest_spans = 0": "newest_span = 0"},
        said="<folder>/model.toml: split.newest_span is unknown (line 24)",
        remedy=SEE,
    ),
    "the project in the name of the table": Mistake(
        toml={'table = "<table>"': 'table = "shop.<table>"'},
        said="<folder>/model.toml: source.table = 'shop.<table>': write DATASET.TABLE, without the project, ",
        remedy=f"which is PERENNIAL_PROJECT (line 7){SEE}",
    ),
    "a number between quotes": Mistake(
        toml={"spans = 2\nevery": 'spans = "2"\nevery'},
        said="<folder>/model.toml: window.spans = '2': Input should be a valid integer (line 18)",
        remedy=SEE,
    ),
    "a section that is missing": Mistake(
        toml={"[serving]\nlatency_milliseconds = 50": ""},
        said="<folder>/model.toml: serving is missing",
        remedy=SEE,
    ),
    "a metric of another task": Mistake(
        toml={'metric = "auc"': 'metric = "r_squared"'},
        said="<folder>/model.toml: threshold on 'r_squared', which is not measured: a binary_classification has example_count, auc, ",
        remedy=SEE,
    ),
    "a slice by the key": Mistake(
        toml={'[["device"]]': '[["visitor"]]'},
        said="<folder>/model.toml: evaluation.slices has 'visitor', which tells rows apart: choose columns whose values rows share",
        remedy=SEE,
    ),
    "no span left to train on": Mistake(
        toml={"newest_spans = 0": "newest_spans = 2"},
        said="<folder>/model.toml: split.newest_spans = 2 leaves none of 2 window.spans to train on: hold out fewer",
        remedy=SEE,
    ),
    "another time column than the table is partitioned on": Mistake(
        toml={'partition_field = "day"': 'partition_field = "loaded"'},
        said="table <project>.<table> is partitioned by DAY on the DATE column 'day'; visits needs it ",
        remedy="partitioned by DAY, HOUR or MONTH on its column 'loaded': name 'day' as source.partition_field in model.toml",
    ),
    "a window longer than the table": Mistake(
        toml={"spans = 2\nevery": "spans = 30\nevery"},
        said="--through 2026-03-06 leaves an empty window: visits needs 30 spans of 1 days with known labels after 2026-03-01, ",
        remedy="; load more of them, or narrow [window] in model.toml",
    ),
    "a misspelt name in checks.ignore": Mistake(
        toml={"latency_milliseconds = 50": 'latency_milliseconds = 50\n\n[checks]\nignore = ["secnds"]'},
        said="blocked: column secnds ",
        remedy="correct its name, or drop it",
    ),
    "a label that is known later than label_delay_days says": Mistake(
        rows=lambda number: [{**row, "returned": None if number == DAYS - 1 else row["returned"]} for row in visits(number)],
        said="blocked: column returned of partition 2026-03-05 is NULL in all 20 rows; never NULL until 2026-03-04; ",
        remedy="if labels are known later, raise rows.label_delay_days of model.toml, which is 1, and name returned in checks.ignore",
    ),
    "rows whose label is never known": Mistake(
        sql=SQL.replace("returned", "IF(visitor = 7, NULL, returned) AS returned"),
        said="column 'returned' of source.sql of model 'visits' is NULL (every row needs one) for visitor 7 in span 2026-03-04: ",
        remedy="if it never is, leave such rows out (WHERE returned IS NOT NULL)",
    ),
}
IN_SOURCE_SQL = {
    "more days than history_days says": Mistake(
        sql=SQL.replace(
            "FROM {source} WHERE", "FROM UNNEST(@spans) AS d JOIN {source} ON day BETWEEN DATE_SUB(d, INTERVAL 2 DAY) AND d WHERE"
        ),
        said="<folder>/source.sql reads 3 days for a span (line 1, column ",
        remedy="), and source.history_days of model.toml is 2: write history_days = 3, or read less",
    ),
    "a semicolon at the end": Mistake(
        sql=f"{SQL};",
        said="<folder>/source.sql ends with a semicolon (line 1, column 105)",
        remedy=": remove it, the query becomes a part of another one",
    ),
    "the table itself instead of what is pinned": Mistake(
        sql=SQL.replace("{source}", "site.visits"),
        said="<folder>/source.sql does not read {source}, the pinned snapshot of <table>",
        remedy=": select from it",
    ),
    "a misspelt column": Mistake(
        sql=SQL.replace("pages", "pges"),
        said="source.sql of model 'visits' does not run on <project>.<table>",
        remedy=": Unrecognized name: pges; Did you mean pages? (line 1, column 31); correct it, or the table",
    ),
    "a text where a number is meant": Mistake(
        sql=SQL.replace("seconds,", "CAST(seconds AS STRING) AS seconds,"),
        said="column 'seconds' of source.sql of model 'visits' is STRING, schema.pbtxt says FLOAT: ",
        remedy="; as a number, write SAFE_CAST(seconds AS FLOAT64) (line 1 of source.sql)",
    ),
    "a point in time where a number is meant": Mistake(
        sql=SQL.replace("seconds,", "\nTIMESTAMP(day) AS seconds,"),
        said="column 'seconds' of source.sql of model 'visits' is TIMESTAMP, schema.pbtxt says FLOAT: ",
        remedy="; as a number, write EXTRACT(HOUR FROM seconds), or TIMESTAMP_DIFF of two times (line 2 of source.sql)",
    ),
    "a column that schema.pbtxt lacks": Mistake(
        sql=SQL.replace("returned", "returned,\n'fr' AS country"),
        said="column 'country' of source.sql of model 'visits' is not in schema.pbtxt: add it there or drop it (line 2 of source.sql)",
        remedy="; `perennial schema infer visits` proposes how",
    ),
    "a column that source.sql lacks": Mistake(
        sql=SQL.replace("seconds, ", ""),
        said="source.sql of model 'visits' has no column 'seconds'",
        remedy=": add it, or correct model.toml and schema.pbtxt",
    ),
    "a label of text": Mistake(
        sql=SQL.replace("returned", "IF(returned = 1, 'yes', 'no') AS returned"),
        schema=SCHEMA.replace('"returned" type: INT int_domain { min: 0 max: 1 }', '"returned" type: BYTES'),
        said="column 'returned' of source.sql of model 'visits' is STRING, a label must be 0 or 1: cast it",
        remedy=" (line 1 of source.sql)",
    ),
    "labels that begin with 1": Mistake(
        sql=SQL.replace("returned", "returned + 1 AS returned"),
        said="column 'returned' of source.sql of model 'visits' is 2 (a label must be 0 or 1) for visitor ",
        remedy=": mend the source or source.sql",
    ),
    "classes in another order than rows.classes": Mistake(
        toml=CLASSES,
        sql=SQL.replace("returned", "\nCASE returned\nWHEN 'yes' THEN 0\nWHEN 'no' THEN 1 END AS returned"),
        said="<folder>/source.sql makes 0 of 'yes' (line 3, column 1), which has position 1 in rows.classes = ['no', 'yes']",
        remedy=": write THEN 1, or sort the classes",
    ),
    "a span that is no DATE": Mistake(
        sql=SQL.replace("day AS as_of", "TIMESTAMP(day) AS as_of"),
        said="column 'as_of' of source.sql of model 'visits' is TIMESTAMP, a span must be DATE: cast it",
        remedy=" (line 1 of source.sql)",
    ),
    "spans that were not asked for": Mistake(
        sql=SQL.replace(" WHERE day IN UNNEST(@spans)", ""),
        said="source.sql of model 'visits' gives span 2026-03-01, which was not asked for",
        remedy=": use @spans",
    ),
    "a key that is there twice": Mistake(
        sql=SQL.replace("visitor,", "MOD(visitor, 10) AS visitor,"),
        said="column 'visitor' of source.sql of model 'visits' is 0 (a key must be unique in its span, and it is there twice) for ",
        remedy=": mend the source or source.sql",
    ),
    "a number divided by nothing": Mistake(
        sql=SQL.replace("seconds,", "IEEE_DIVIDE(seconds, 0) AS seconds,"),
        said="column 'seconds' of source.sql of model 'visits' is inf (which is not finite) for visitor 1 in span 2026-03-04",
        remedy=": mend the source or source.sql",
    ),
    "a span without rows": Mistake(
        sql=f"{SQL} AND day > '2026-03-04'",
        said="source.sql of model 'visits' gives no rows for span 2026-03-04",
        remedy=": the window is empty; check the source and --through",
    ),
    "one class": Mistake(
        sql=SQL.replace("returned", "IF(returned > 1, 1, 0) AS returned"),
        said="label 'returned' of model 'visits' is 1 in none of the ",
        remedy="a model needs all its classes; check source.sql and --through",
    ),
    "a feature that knows the label": Mistake(
        sql=SQL.replace("seconds,", "seconds + 1000 * returned AS seconds,"),
        rows=many,
        said="blocked: column seconds ranks the label alone (AUC 1.0000 of it by itself); ",
        remedy="it is computed from what is known only later: mend source.sql, or drop seconds",
    ),
}
IN_THE_TABLE = {
    "no partitions": Mistake(
        partitioning=None,
        said="table <project>.<table> is without partitioning by day; "
        "visits needs it partitioned by DAY, HOUR or MONTH on its column 'day'",
        remedy=": copy it with CREATE TABLE dataset.copy PARTITION BY `day` AS SELECT * FROM <quoted>",
    ),
    "a day that was not loaded": Mistake(
        rows=lambda number: [] if number == 4 else visits(number),
        said="source.sql of model 'visits' gives no rows for span 2026-03-04",
        remedy=": the window is empty; check the source and --through",
    ),
    "a date after the last partition": Mistake(
        through=DAYS + 3,
        said="--through 2026-03-09 is outside <table>, which has partitions 2026-03-01 to 2026-03-06",
        remedy=": choose a date between them",
    ),
}
IN_PYTHON = {
    "no Python": Mistake(
        files={"features.py": "def preprocessing_fn(inputs)\n    return inputs\n"},
        said="<folder>/features.py (line 1) is no Python: expected ':'",
        remedy="; correct it",
    ),
    "a function of another name": Mistake(
        files={"features.py": "def preprocess(inputs):\n    return inputs\n"},
        said="<folder>/features.py has no preprocessing_fn: define it (see pipelines/models/churn): def preprocessing_fn(inputs): …",
        remedy=", from raw features by name to transformed ones",
    ),
    "a helper with the name of a library": Mistake(
        files={"statistics.py": "", "features.py": FEATURES.replace("BODY", KEPT)},
        said="<folder>/statistics.py has the name of a module that Python has already, statistics",
        remedy=": give the file another name",
    ),
    "a raw feature that does not exist": Mistake(
        files={"features.py": FEATURES.replace("BODY", MISSPELT)},
        said=f"<folder>/features.py (line 4: {MISSPELT}) fails: KeyError: 'pges'",
        remedy="; correct it",
    ),
    "a label that is not handed on": Mistake(
        files={"features.py": FEATURES.replace("BODY", "return {'pages': inputs['pages']}")},
        said="preprocessing_fn of <folder>/features.py returns pages, and not the label 'returned'",
        remedy=": add outputs['returned'] = inputs['returned']",
    ),
    "a feature computed from the label": Mistake(
        files={"features.py": FEATURES.replace("BODY", "return {**inputs, 'seconds': tf.cast(inputs['returned'], tf.float32) * 2.0}")},
        said="preprocessing_fn of <folder>/features.py computes the feature 'seconds' from the label 'returned', which is not known when ",
        remedy=": leave it out of what 'seconds' is made of",
    ),
    "features without names": Mistake(
        files={"features.py": FEATURES.replace("BODY", "return list(inputs.values())")},
        said="preprocessing_fn of <folder>/features.py returns a list: return tensors by name, {name: tensor}",
        remedy="",
    ),
    "a network that is not returned": Mistake(
        files={"network.py": network().replace("return ", "")},
        said="build of <folder>/network.py returns None, not a network: return the compiled model",
        remedy="",
    ),
    "a network of two outputs": Mistake(
        files={"network.py": network(outputs="{'score': score, 'other': score}")},
        said="<folder>/network.py gives a dict, not one tensor of shape (None, 1), the probability of label 1",
        remedy=": correct it",
    ),
    "scores that are no probabilities": Mistake(
        files={"network.py": network(activation="None")},
        said="<folder>/network.py gives the score ",
        remedy='which is no probability: let its last layer have activation="sigmoid", and its loss not from_logits=True',
    ),
    "a transformed feature that does not exist": Mistake(
        files={"network.py": network().replace('inputs["pages"]', 'inputs["pges"]')},
        said="<folder>/network.py (line 6: ",
        remedy="fails: KeyError: 'pges'; correct it",
    ),
}
MISTAKES = IN_MODEL_TOML | IN_SOURCE_SQL | IN_THE_TABLE | IN_PYTHON


def told(site: Site, mistake: Mistake, folder: Path) -> str:
    """What is said of a model, by the steps before the training in their order."""
    toml = {old.replace("<table>", site.table): new.replace("<table>", site.table) for old, new in mistake.toml.items()}
    written = write_model(site.settings.models_folder, table=site.table, sql=mistake.sql, schema=mistake.schema, toml=toml)
    for name, text in ({"features.py": FEATURES.replace("BODY", KEPT), "network.py": network()} | dict(mistake.files)).items():
        (written / name).write_text(text)
    try:
        return _before_training(site, mistake, folder)
    except PerennialError as error:
        return str(error)


def _before_training(site: Site, mistake: Mistake, folder: Path) -> str:
    model = read_model(site.settings.models_folder, "visits")
    snapshot, none = artifact(folder / "snapshot"), artifact(folder / "none")
    write_snapshot(step(site.settings, "visits"), day(mistake.through).isoformat(), snapshot)
    source = Inspection(*(artifact(folder / f"source-{part}") for part in ("profile", "findings", "page")))
    inspect_source(step(site.settings, "visits"), snapshot, none, source)
    pinned = snapshot_of(snapshot)
    check_query(site.cloud, model, table=pinned.snapshot_table, window=pinned.window)
    examples, counts, profile = (artifact(folder / name) for name in ("examples", "counts", "profile"))
    found = ranked(read_findings(Path(source.findings.path)))
    if sentence := refusal(found):
        return sentence
    write_examples(step(site.settings, "visits"), snapshot, examples, counts, profile)
    rows = Inspection(profile, artifact(folder / "findings"), artifact(folder / "page"))
    inspect_rows(step(site.settings, "visits"), snapshot, none, rows, [])
    if sentence := refusal(ranked(read_findings(Path(rows.findings.path)))):
        return sentence
    dtypes = {name: {"INT": tf.int64, "FLOAT": tf.float32, "BYTES": tf.string}[kind] for name, kind in read_features(model).items()}
    with tf.Graph().as_default():
        outputs = transformed(model, {name: tf.compat.v1.placeholder(kind, (None, 1)) for name, kind in dtypes.items()})
    made = {name: tf.io.FixedLenFeature([1], tensor.dtype) for name, tensor in outputs.items() if name != model.rows.label}
    built = build_network(model, made)
    require_probabilities(model, built({"pages": np.array([[-1e3], [1e3]])}, training=False))
    return "nothing"


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_before_training(name: str, empty_site: Site, site: Site, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    if mistake.rows is visits and mistake.partitioning is BY_DAY:
        table = site
    else:
        table = empty_site
        table.create(partitioning=mistake.partitioning, schema=COLUMNS)
        table.load([row for number in range(1, DAYS + 1) for row in mistake.rows(number)])
    sentence = told(table, mistake, tmp_path)
    folder = str(table.settings.models_folder / "visits")
    said, remedy = (
        text.replace("<folder>", folder)
        .replace("<quoted>", quoted(table.name))
        .replace("<table>", table.table)
        .replace("<project>", table.settings.project)
        for text in (mistake.said, mistake.remedy)
    )
    assert sentence.startswith(said) and sentence.endswith(remedy) and said, sentence


def test_there_are_at_least_25_mistakes_and_all_are_documented() -> None:
    page = (REPOSITORY / "docs" / "own-model.md").read_text()
    assert len(MISTAKES) >= 25
    assert [name for name in MISTAKES if f"| {name} |" not in page] == []


def test_a_model_without_a_mistake_is_told_nothing(site: Site, tmp_path: Path) -> None:
    assert told(site, Mistake(said="", remedy=""), tmp_path) == "nothing"
