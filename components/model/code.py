"""Import the Python files of a model's folder by path, so that a team needs neither a package nor a wheel."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from components.errors import ModelFolderError


def load_module(folder: Path, file: str, attribute: str) -> ModuleType:
    """Import the module `file` of a model's folder.

    Raises:
        ModelFolderError: it cannot be imported, or lacks `attribute`.
    """
    name = f"perennial_model_{folder.name}_{Path(file).stem}"
    specification = importlib.util.spec_from_file_location(name, folder / file)
    if specification is None or specification.loader is None:
        raise ModelFolderError(f"{folder / file} cannot be imported: is it a Python file?")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except (ImportError, SyntaxError, AttributeError, NameError) as error:
        raise ModelFolderError(f"{folder / file} cannot be imported: {error}") from error
    if not hasattr(module, attribute):
        raise ModelFolderError(f"{folder / file} has no {attribute}: define it (see pipelines/models/churn)")
    return module
