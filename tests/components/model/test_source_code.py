"""Which Python files of a model's folder are looked at, and what is said of them."""

from pathlib import Path

import pytest

from components.errors import ModelFolderError
from components.model.folder import read_model
from tests.components.visits import write_model

BROKEN = "def scale(:"


def read(models: Path, features: str, files: dict[str, str]) -> None:
    """Read a model's folder whose features.py begins so, beside files of these names and texts."""
    folder = write_model(models)
    (folder / "features.py").write_text(f"{features}\ndef preprocessing_fn(inputs):\n    return inputs\n")
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    read_model(models, "visits")


@pytest.mark.parametrize(
    ("features", "files"),
    [
        ("", {"scratch/try": BROKEN}),
        ("import numpy.random", {"try_out": BROKEN, "scratch/numpy": BROKEN}),
        ("from helpers import scale", {"helpers": "from features import preprocessing_fn as scale", "scratch": BROKEN}),
    ],
)
def test_what_nothing_imports_is_left_alone(tmp_path: Path, features: str, files: dict[str, str]) -> None:
    read(tmp_path, features, files)


@pytest.mark.parametrize(
    ("features", "files", "broken"),
    [
        ("import helpers", {"helpers": BROKEN}, "helpers.py"),
        ("from helpers import scale", {"helpers": "import more", "more": BROKEN}, "more.py"),
        ("import layers.wide", {"layers/wide": BROKEN}, "layers/wide.py"),
        ("from layers import wide", {"layers/wide": BROKEN}, "layers/wide.py"),
        ("from layers.wide import one", {"layers/wide": "from . import deep", "layers/deep": BROKEN}, "layers/deep.py"),
        ("from layers.wide import one", {"layers/wide": "from .deep import one", "layers/deep": BROKEN}, "layers/deep.py"),
        ("if True:\n    def late():\n        import layers", {"layers/__init__": BROKEN}, "layers/__init__.py"),
    ],
)
def test_what_is_imported_must_be_python(tmp_path: Path, features: str, files: dict[str, str], broken: str) -> None:
    with pytest.raises(ModelFolderError, match=r"\(line 1\) is no Python: ") as refused:
        read(tmp_path, features, files)
    assert str(refused.value).startswith(f"{tmp_path / 'visits' / broken} (line 1)")
