"""Import the Python files of a model's folder by path, so that a team needs neither a package nor a wheel.

Files of the folder import each other by name: `from helpers import scale`. What one of them raises is told with its file and line.
"""

import importlib
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from components.errors import ModelFolderError, PerennialError

PREFIX = "perennial_model_"
"""Of the names of modules that are imported by path."""
MODEL_FILE = "model.toml"
"""Whatever folder has it is a model's."""
BY_PATH = ("features.py", "network.py")
"""Those that are asked for by path, whatever their names."""
SHOWN_CHARACTERS = 300


def load_module(folder: Path, file: str, attribute: str) -> ModuleType:
    """Import the module `file` of a model's folder, whose other files it may import by name.

    Raises:
        ModelFolderError: it cannot be imported, or lacks `attribute`, or a file has the name of an installed module.
    """
    folder = folder.absolute()
    _make_importable(folder)
    name = f"{PREFIX}{folder.name}_{Path(file).stem}"
    specification = importlib.util.spec_from_file_location(name, folder / file)
    if specification is None or specification.loader is None:
        raise ModelFolderError(f"{folder / file} cannot be imported: is it a Python file?")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    with told_with_place(folder, file, "cannot be imported"):
        specification.loader.exec_module(module)
    if not hasattr(module, attribute):
        raise ModelFolderError(f"{folder / file} has no {attribute}: define it (see pipelines/models/churn)")
    return module


@contextmanager
def told_with_place(folder: Path, file: str, what: str) -> Iterator[None]:
    """Run code of a model's folder: whatever it raises is told in one sentence, with file and line.

    Args:
        folder: the model's.
        file: what the code was called from, named where no line of the folder had part in the error.
        what: what went wrong, to follow the file's name.

    Raises:
        ModelFolderError: the block raised anything but a PerennialError.
    """
    try:
        yield
    except PerennialError:
        raise
    except Exception as error:  # it is not our code
        raise ModelFolderError(f"{_place(folder.absolute(), file, error)} {what}: {_said(error)}; correct it") from error


def _place(folder: Path, file: str, error: Exception) -> str:
    """The file and the line of the folder that an error comes from; the last ones, where several took part."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        return f"{error.filename} (line {error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    if not frames:
        return str(folder / file)
    return f"{frames[-1].filename} (line {frames[-1].lineno}: {linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip()})"


def _said(error: Exception) -> str:
    """The kind of an error and what it says, on one line."""
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__


def _make_importable(folder: Path) -> None:
    """Let the files of a folder import each other by name, each as it is now; those of other models are forgotten.

    Raises:
        ModelFolderError: a file would never be found, because a module of that name is installed.
    """
    folders = {entry for entry in sys.path if (Path(entry) / MODEL_FILE).is_file()} | {str(folder)}
    for name, module in list(sys.modules.items()):
        if not name.startswith(PREFIX) and _is_of(module, folders):
            del sys.modules[name]
    sys.path[:] = [entry for entry in sys.path if entry not in folders]
    importlib.invalidate_caches()
    for path in sorted(folder.glob("*.py")):
        if path.name not in BY_PATH and path.stem.isidentifier() and _is_taken(path):
            raise ModelFolderError(f"{path} has the name of a module that Python has already, {path.stem}: give the file another name")
    sys.path.append(str(folder))  # behind all others: nothing that is installed is hidden


def _is_taken(path: Path) -> bool:
    """Whether importing a file's name would find another module."""
    found = importlib.util.find_spec(path.stem)  # a folder without __init__.py has no origin: a file of its name comes before it
    return found is not None and found.origin is not None and Path(found.origin).resolve() != path.resolve()


def _is_of(module: ModuleType, folders: set[str]) -> bool:
    file = getattr(module, "__dict__", {}).get("__file__")  # asked for as an attribute, a lazy module of TensorFlow's would be imported
    return file is not None and any(Path(file).is_relative_to(folder) for folder in folders)
