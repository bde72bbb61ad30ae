"""The Python files of a model's folder: they import each other, and what they raise is told with file and line."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from components.errors import ModelFolderError
from components.model.code import load_module, told_with_place


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The path and the modules of this process, as they were."""
    path, modules = [*sys.path], {*sys.modules}
    yield
    sys.path[:] = path
    for name in {*sys.modules} - modules:
        del sys.modules[name]


def write(folder: Path, **files: str) -> Path:
    """A model's folder with these files."""
    folder.mkdir(exist_ok=True)
    (folder / "model.toml").touch()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def refused(folder: Path, file: str = "features.py") -> str:
    with pytest.raises(ModelFolderError) as error:
        load_module(folder, file, "value")
    return str(error.value)


def test_files_of_a_folder_import_each_other_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path, features="from helpers import value", helpers="from layers.wide import value")
    (folder / "layers").mkdir()
    (folder / "layers" / "wide.py").write_text("value = 7")
    assert load_module(folder, "features.py", "value").value == 7


def test_a_helper_may_be_imported_when_a_function_runs(tmp_path: Path) -> None:
    folder = write(tmp_path, features="def value():\n    from helpers import seven\n    return seven", helpers="seven = 7")
    assert load_module(folder, "features.py", "value").value() == 7


def test_helpers_of_two_models_are_not_taken_for_each_other(tmp_path: Path) -> None:
    folders = [write(tmp_path / name, features="from helpers import value", helpers=f"value = {name!r}") for name in ("one", "two")]
    assert [load_module(folder, "features.py", "value").value for folder in [*folders, *folders]] == ["one", "two", "one", "two"]
    assert [entry for entry in sys.path if entry.startswith(str(tmp_path))] == [str(folders[1])]


def test_a_helper_is_read_as_it_is_now(tmp_path: Path) -> None:
    folder = write(tmp_path, features="from helpers import value", helpers="value = 1")
    load_module(folder, "features.py", "value")
    write(folder, helpers="value = 1 + 1")
    assert load_module(folder, "features.py", "value").value == 2


def test_a_helper_may_have_the_name_of_a_folder_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere" / "helpers").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    folder = write(tmp_path / "model", features="from helpers import value", helpers="value = 7")
    assert load_module(folder, "features.py", "value").value == 7


@pytest.mark.parametrize("name", ["statistics", "json", "numpy", "components", "sys", "zipimport"])
def test_a_helper_with_the_name_of_an_installed_module_is_refused(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, features="value = 1", **{name: ""})
    assert refused(folder) == (f"{folder / name}.py has the name of a module that Python has already, {name}: give the file another name")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"features": "import nothing_of_that_name"}, "features.py (line 1: import nothing_of_that_name) cannot be imported: Module"),
        ({"features": "value = 1 +"}, "features.py (line 1) cannot be imported: SyntaxError: invalid syntax; correct it"),
        ({"features": "\nvalue = 1 / 0"}, "features.py (line 2: value = 1 / 0) cannot be imported: ZeroDivisionError: division by zero"),
        (
            {"features": "value = open('rows.csv')"},
            "features.py (line 1: value = open('rows.csv')) cannot be imported: FileNotFoundError: ",
        ),
        ({"features": "import helpers", "helpers": "\n\nraise KeyError('age')"}, "helpers.py (line 3: raise KeyError('age')) cannot be "),
        ({"features": "import helpers", "helpers": "def f(:"}, "helpers.py (line 1) cannot be imported: SyntaxError: "),
        ({"features": "from helpers import scale", "helpers": ""}, "features.py (line 1: from helpers import scale) cannot be imported: "),
        ({"features": "other = 1"}, "features.py has no value: define it (see pipelines/models/churn)"),
    ],
)
def test_what_cannot_be_imported_is_told_with_file_and_line(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    folder = write(tmp_path, **files)
    assert refused(folder).startswith(str(folder / sentence.partition(" ")[0]) + " " + sentence.partition(" ")[2])


def test_an_error_of_a_library_is_told_with_the_line_that_called_it(tmp_path: Path) -> None:
    folder = write(tmp_path, features="import json\n\ndef value(text):\n    return json.loads(text)")
    module = load_module(folder, "features.py", "value")
    with pytest.raises(ModelFolderError) as error, told_with_place(folder, "features.py", "fails"):
        module.value("{")
    assert str(error.value) == (
        f"{folder / 'features.py'} (line 4: return json.loads(text)) fails: JSONDecodeError: "
        f"Expecting property name enclosed in double quotes: line 1 column 2 (char 1); correct it"
    )


def test_an_error_in_which_no_line_of_the_folder_had_part_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError) as error, told_with_place(tmp_path, "network.py", "cannot be fitted"):
        raise ValueError("x " * 300)
    assert str(error.value) == f"{tmp_path / 'network.py'} cannot be fitted: ValueError: {'x ' * 150}…; correct it"


def test_an_error_of_our_own_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match=r"^as it is$"), told_with_place(tmp_path, "network.py", "fails"):
        raise ModelFolderError("as it is")


def test_no_lazy_module_is_imported_on_the_way(tmp_path: Path) -> None:
    class Lazy(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise AssertionError(f"{self.__name__} is imported for its {name}")

    sys.modules["lazy_library"] = Lazy("lazy_library")
    load_module(write(tmp_path / "model", features="def preprocessing_fn(inputs): return inputs"), "features.py", "preprocessing_fn")
