"""A model's folder: what is accepted, what is refused, and in which words."""

from pathlib import Path

import pytest

from components.errors import ModelFolderError
from components.model.folder import model_names, read_model
from components.settings import REPOSITORY
from tests.components.visits import write_model


def refused(models_folder: Path, name: str = "visits") -> str:
    with pytest.raises(ModelFolderError) as error:
        read_model(models_folder, name)
    return str(error.value)


def test_the_models_of_the_repository_can_be_read() -> None:
    folder = REPOSITORY / "pipelines" / "models"
    for name in model_names(folder):
        assert read_model(folder, name).name == name


def test_a_folder_is_parsed_into_typed_values(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    model = read_model(tmp_path, "visits")
    assert (model.folder, model.title, model.source.table) == (folder, "Will the visitor come back tomorrow?", "site.visits")
    assert (model.window.spans, model.window.every_days, model.source.history_days, model.rows.label_delay_days) == (2, 1, 2, 1)
    assert model.evaluation.slices == (("device",),)
    assert [(t.metric, t.slice, t.at_least, t.at_most) for t in model.evaluation.thresholds] == [("auc", {}, 0.6, None)]


def test_a_parsed_model_cannot_be_changed(tmp_path: Path) -> None:
    write_model(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        read_model(tmp_path, "visits").window.spans = 3  # type: ignore[misc]


def test_a_policy_of_snapshots_may_be_left_out(tmp_path: Path) -> None:
    write_model(tmp_path)
    assert read_model(tmp_path, "visits").snapshots.model_dump() == {"keep_versions": 10, "keep_days": 90}
    write_model(tmp_path, toml={"latency_milliseconds = 50": "latency_milliseconds = 50\n\n[snapshots]\nkeep_days = 7"})
    assert read_model(tmp_path, "visits").snapshots.model_dump() == {"keep_versions": 10, "keep_days": 7}


def test_an_unknown_model_names_those_there_are(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_model(tmp_path, name="basket")
    assert refused(tmp_path, "churm") == f"model 'churm' is unknown: {tmp_path} has basket, visits"


def test_a_folder_without_models_says_so(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere") == f"model 'visits' is unknown: {tmp_path / 'nowhere'} has none"


@pytest.mark.parametrize("name", ["../visits", "", ".", "..", "visits/", "visits\n"])
def test_a_name_does_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    write_model(tmp_path)
    assert refused(tmp_path, name).startswith(f"model {name!r} is unknown")


@pytest.mark.parametrize("file", ["model.toml", "source.sql", "schema.pbtxt", "features.py", "network.py"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    folder = write_model(tmp_path)
    (folder / file).unlink()
    assert refused(tmp_path) == f"model 'visits' lacks {file}: add it to {folder}"


def test_several_missing_files_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "visits").mkdir()
    assert refused(tmp_path).startswith("model 'visits' lacks model.toml, source.sql, schema.pbtxt, features.py, network.py")


def test_a_folder_whose_name_is_no_models_name_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path, name="My-Model")
    assert "name = 'My-Model': String should match pattern" in refused(tmp_path, "My-Model")


def test_text_that_is_no_toml_is_refused_with_its_place(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    (folder / "model.toml").write_text("title = \n")
    assert refused(tmp_path) == f"{folder / 'model.toml'} is not TOML: Invalid value (at line 1, column 9)"


@pytest.mark.parametrize("file", ["model.toml", "source.sql"])
def test_text_that_is_no_utf_8_is_refused(tmp_path: Path, file: str) -> None:
    folder = write_model(tmp_path)
    (folder / file).write_bytes(b"-- caf\xe9 {source}")
    assert refused(tmp_path) == f"{folder / file} is not UTF-8 (byte 6): save it so"


def test_a_query_that_does_not_read_the_snapshot_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path, sql="SELECT * FROM site.visits")
    sentence = f"{folder / 'source.sql'} does not read {{source}}, the pinned snapshot of site.visits: select from it"
    assert refused(tmp_path) == sentence


@pytest.mark.parametrize(("written", "value"), [("true", "1"), ("false", "0"), ("12", "12"), ("-3", "-3"), ('"phone 7"', "phone 7")])
def test_a_slice_of_a_threshold_may_be_a_text_a_number_or_a_truth(tmp_path: Path, written: str, value: str) -> None:
    write_model(tmp_path, toml={"at_least = 0.6": f"at_least = 0.6\nslice = {{ device = {written} }}"})
    assert read_model(tmp_path, "visits").evaluation.thresholds[0].slice == {"device": value}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('owner = "site"', "", "owner is missing"),
        ('owner = "site"', 'owner = "site"\nowned = "x"', "owned is unknown"),
        ('key = "visitor"', "", "rows.key is missing"),
        (
            'key = "visitor"',
            'key = "a b"',
            "rows.key = 'a b': write letters, digits and underscores, at most 128, the first no digit; source.sql can rename",
        ),
        ('key = "visitor"', 'key = "returned"', "rows: key 'returned', label 'returned' and span 'as_of' must be three columns"),
        (
            'table = "site.visits"',
            'table = "visits"',
            "source.table = 'visits': write DATASET.TABLE, without the project, which is PERENNIAL_PROJECT (line 7)",
        ),
        ('table = "site.visits"', 'table = "a.b`; DROP TABLE c"', "source.table = 'a.b`; DROP TABLE c': write DATASET.TABLE, without"),
        (
            'task = "binary_classification"',
            'task = "ranking"',
            "task = 'ranking': Input should be 'binary_classification', 'multiclass_classification' or 'regression'",
        ),
        ("history_days = 2", "history_days = 0", "source.history_days = 0: Input should be greater than 0"),
        ("history_days = 2", "history_days = 1000000", "source.history_days = 1000000: Input should be less than or equal to 36500"),
        ("label_delay_days = 1", "label_delay_days = -1", "rows.label_delay_days = -1: Input should be greater than or equal to 0"),
        ("spans = 2", "spans = 0", "window.spans = 0: Input should be greater than 0"),
        ("spans = 2", 'spans = "two"', "window.spans = 'two': Input should be a valid integer"),
        ("spans = 2", "spans = 1001", "window.spans = 1001: Input should be less than or equal to 1000"),
        ("every_days = 1", "every_days = 1.5", "window.every_days = 1.5: Input should be a valid integer"),
        ("every_days = 1", "every_days = 999999999", "window.every_days = 999999999: Input should be less than or equal to 366"),
        ("train = 3", "train = 0", "split.train = 0: Input should be greater than 0"),
        ("learning_rate = 0.01", "learning_rate = inf", "training.learning_rate = inf: Input should be a finite number"),
        ("learning_rate = 0.01", "learning_rate = nan", "training.learning_rate = nan: Input should be"),
        ("batch_size = 32", "batch_size = 0", "training.batch_size = 0: Input should be greater than 0"),
        (
            "_milliseconds = 50",
            "_milliseconds = 50\n[snapshots]\nkeep_versions = 0",
            "snapshots.keep_versions = 0: Input should be greater",
        ),
        ("_milliseconds = 50", "_milliseconds = 50\n[snapshots]\nkeep_day = 9", "snapshots.keep_day is unknown"),
        ('slices = [["device"]]', "slices = [[]]", "evaluation.slices.0 = []: Tuple should have at least 1 item"),
        ('metric = "auc"', 'metric = "f1"', "threshold on 'f1', which is not measured: a binary_classification has example_count, auc, "),
        ("at_least = 0.6", "", "evaluation.thresholds.0: threshold on 'auc' has no bound: give at_least or at_most"),
        ("at_least = 0.6", "at_least = nan", "evaluation.thresholds.0.at_least = nan: Input should be a finite number"),
        (
            "at_least = 0.6",
            "at_least = 0.6\nat_most = 0.5",
            "evaluation.thresholds.0: threshold on 'auc' cannot be kept: at_least 0.6 is more than at_most 0.5",
        ),
        (
            "at_least = 0.6",
            'at_least = 0.6\nslice = { country = "fr" }',
            "evaluation: threshold on 'auc' is on slice {'country': 'fr'}, which is not computed: add ['country'] to evaluation.slices",
        ),
        (
            "at_least = 0.6",
            "at_least = 0.6\nslice = { device = 1.5 }",
            "evaluation.thresholds.0.slice.device = 1.5: write a text, between quotes",
        ),
        (
            "at_least = 0.6",
            'at_least = 0.6\nslice = { device = "007" }',
            "evaluation.thresholds.0.slice.device: '007' is read as the number 7: let source.sql give the column other texts",
        ),
        (
            "at_least = 0.6",
            'at_least = 0.6\nslice = { device = "a\\u0000" }',
            "evaluation.thresholds.0.slice.device: 'a\\x00' cannot be shown: write one line",
        ),
        (
            'slices = [["device"]]',
            'slices = [["device"], ["pages", "pages"]]',
            "evaluation.slices: ['pages', 'pages'] is there twice",
        ),
        (
            'slices = [["device"]]',
            'slices = [["device"], ["device"]]',
            "evaluation.slices: ['device'] is there twice, or",
        ),
        (
            'slices = [["device"]]',
            'slices = [["visitor"]]',
            "evaluation.slices has 'visitor', which tells rows apart: choose",
        ),
        ('slices = [["device"]]', 'slices = [["as_of"]]', "evaluation.slices has 'as_of', which tells rows apart: choose"),
        ('owner = "site"', 'owner = "a\\nb"', "owner: 'a\\nb' cannot be shown: write one line"),
        ('owner = "site"', 'owner = " "', "owner: ' ' cannot be shown: write one line"),
        ('owner = "site"', f'owner = "{"x" * 201}"', f"owner = '{'x' * 47}...{'x' * 48}': String should have at most 200 characters"),
        ("epochs = 1", "epochs = 10001", "training.epochs = 10001: Input should be less than or equal to 10000"),
        ("epochs = 1", "epochs = true", "training.epochs = true: Input should be a valid integer"),
        ("epochs = 1", 'epochs = "1"', "training.epochs = '1': Input should be a valid integer"),
        ("batch_size = 32", "batch_size = 1_000_001", "training.batch_size = 1000001: Input should be less than or equal to 1000000"),
        ("learning_rate = 0.01", "learning_rate = 1e3", "training.learning_rate = 1000.0: Input should be less than or equal to 100"),
        ("learning_rate = 0.01", "learning_rate = true", "training.learning_rate = true: Input should be a valid number"),
        ("seed = 1", "seed = -1", "training.seed = -1: Input should be greater than or equal to 0"),
        ("seed = 1", "seed = 4294967296", "training.seed = 4294967296: Input should be less than or equal to 4294967295"),
        ("_milliseconds = 50", "_milliseconds = 1e9", "serving.latency_milliseconds = 1000000000.0: Input should be less than or equal to"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    folder = write_model(tmp_path, toml={old: new})
    sentence = refused(tmp_path)
    assert sentence.startswith(f"{folder / 'model.toml'}: {problem}")
    assert sentence.endswith("; correct it (see pipelines/models/churn)")


def test_every_wrong_value_is_named(tmp_path: Path) -> None:
    write_model(tmp_path, toml={"spans = 2": "spans = 0", "epochs = 1": ""})
    sentence = refused(tmp_path)
    assert "window.spans = 0" in sentence
    assert "training.epochs is missing" in sentence


def test_a_threshold_may_be_on_a_slice_of_several_columns_in_any_order(tmp_path: Path) -> None:
    changes = {'[["device"]]': '[["device", "country"]]', "at_least = 0.6": 'at_least = 0.6\nslice = { country = "fr", device = "desk" }'}
    write_model(tmp_path, toml=changes)
    assert read_model(tmp_path, "visits").evaluation.thresholds[0].slice == {"country": "fr", "device": "desk"}


def test_the_fingerprint_changes_with_every_file_that_the_team_wrote(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    model = read_model(tmp_path, "visits")
    seen = {model.code_sha256()}
    for file in ("model.toml", "source.sql", "schema.pbtxt", "features.py", "network.py", "layers/attention.py"):
        (folder / file).parent.mkdir(exist_ok=True)
        with (folder / file).open("a") as stream:
            stream.write("\n")
        seen.add(model.code_sha256())
    assert len(seen) == 7


def test_the_fingerprint_does_not_change_with_what_nobody_wrote(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "one")
    before = read_model(tmp_path / "one", "visits").code_sha256()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "features.cpython-313.pyc").write_bytes(b"\0")
    (folder / ".features.py.swp").write_bytes(b"\0")
    write_model(tmp_path / "two")
    assert read_model(tmp_path / "one", "visits").code_sha256() == read_model(tmp_path / "two", "visits").code_sha256() == before


SEVERAL = {
    'task = "binary_classification"': 'task = "multiclass_classification"',
    'label = "returned"': 'label = "returned"\nclasses = ["low", "high", "High"]',
    'metric = "auc"': 'metric = "recall_of_high"',
}


def test_a_model_of_several_classes_has_its_own_metrics(tmp_path: Path) -> None:
    write_model(tmp_path, toml=SEVERAL)
    model = read_model(tmp_path, "visits")
    assert model.classes == model.label_names == ("low", "high", "High")
    assert model.score_count == 3
    assert model.metrics[:6] == ("example_count", "accuracy", "macro_auc", "macro_precision", "macro_recall", "macro_f1")
    assert model.metrics[6:10] == ("auc_of_low", "precision_of_low", "recall_of_low", "f1_of_low")
    assert len(model.metrics) == 6 + 3 * 4


def test_a_binary_model_has_two_labels_and_one_score(tmp_path: Path) -> None:
    write_model(tmp_path)
    model = read_model(tmp_path, "visits")
    assert (model.classes, model.label_names, model.score_count) == ((), ("0", "1"), 1)
    assert model.metrics == ("example_count", "auc", "binary_accuracy", "precision", "recall", "calibration")


def test_a_regression_has_one_score_and_metrics_of_numbers(tmp_path: Path) -> None:
    write_model(tmp_path, toml={'"binary_classification"': '"regression"', 'metric = "auc"': 'metric = "r_squared"'})
    model = read_model(tmp_path, "visits")
    assert (model.task.is_regression, model.classes, model.label_names, model.score_count) == (True, (), ("number",), 1)
    assert model.metrics == (
        *("example_count", "root_mean_squared_error", "mean_absolute_error", "mean_squared_error", "r_squared"),
        *("calibration", "mean_prediction", "mean_label"),
    )


def test_a_regression_has_no_classes_and_no_area(tmp_path: Path) -> None:
    classes = {'label = "returned"': 'label = "returned"\nclasses = ["low", "high"]'}
    write_model(tmp_path, toml={'"binary_classification"': '"regression"', **classes})
    assert "rows.classes = ['low', 'high']: a multiclass_classification names at least two classes, a regression none" in refused(tmp_path)
    write_model(tmp_path, toml={'"binary_classification"': '"regression"'})
    assert "threshold on 'auc', which is not measured: a regression has example_count, root_mean_squared_error, " in refused(tmp_path)


CLASSES = '["low", "high", "High"]'


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (f"\nclasses = {CLASSES}", "", "rows.classes is missing: a multiclass_classification names at least two classes, a binary"),
        (
            'task = "multiclass_classification"',
            'task = "binary_classification"',
            "rows.classes = ['low', 'high', 'High']: a multiclass_classification names at least two classes, a binary_classification none",
        ),
        (CLASSES, '["low"]', "rows.classes: ['low'] is no choice: name at least two classes, each once"),
        (CLASSES, '["low", "high", "low"]', "rows.classes: ['low', 'high', 'low'] is no choice: name at least two classes, each once"),
        (
            CLASSES,
            '["low", "very high"]',
            "rows.classes.1 = 'very high': write letters, digits and underscores, at most 64, the first no digit",
        ),
        (CLASSES, '["low", ""]', "rows.classes.1 = '': write letters, digits and underscores, at most 64, the first no digit"),
        (CLASSES, '["low", "1"]', "rows.classes.1 = '1': write letters, digits and underscores, at most 64, the first no digit"),
        (
            CLASSES,
            f'["low", "{"x" * 65}"]',
            f"rows.classes.1 = '{'x' * 65}': write letters, digits and underscores, at most 64, the first no digit",
        ),
        (
            CLASSES,
            '["low", "high\\n"]',
            "rows.classes.1 = 'high\\n': write letters, digits and underscores, at most 64, the first no digit",
        ),
        (CLASSES, str([f"c{n}" for n in range(21)]), "rows.classes = ["),
        (CLASSES, '"low"', "rows.classes = 'low': write a list, ['low']"),
        ("recall_of_high", "recall_of_highest", "threshold on 'recall_of_highest', which is not measured: a multiclass_classification has"),
        ("recall_of_high", "auc", "threshold on 'auc', which is not measured: a multiclass_classification has example_count, accuracy, "),
    ],
)
def test_wrong_classes_are_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    folder = write_model(tmp_path, toml=SEVERAL)
    text = (folder / "model.toml").read_text()
    assert text.count(old) == 1
    (folder / "model.toml").write_text(text.replace(old, new))
    assert refused(tmp_path).startswith(f"{folder / 'model.toml'}: {problem}")


def test_a_class_of_64_characters_is_accepted(tmp_path: Path) -> None:
    write_model(tmp_path, toml=SEVERAL | {'label = "returned"': f'label = "returned"\nclasses = ["high", "{"x" * 64}"]'})
    assert read_model(tmp_path, "visits").classes[1] == "x" * 64
