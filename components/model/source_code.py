"""Look at a model's Python files without running them: those that are asked for, and those of the folder that they import."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from components.errors import ModelFolderError

ASKED_FOR = {
    "features.py": ("preprocessing_fn", "def preprocessing_fn(inputs): …, from raw features by name to transformed ones"),
    "network.py": ("build", "def build(features, learning_rate): …, which returns a compiled Keras model"),
}


def check_code(folder: Path, files: Sequence[Path]) -> None:
    """Refuse files that cannot be imported, or lack the function that is called. What nothing imports is left alone.

    Args:
        folder: the model's.
        files: those of a version, relative to the folder.

    Raises:
        ModelFolderError: a file is no Python, or does not define its function.
    """
    pending = [file for file in files if file.as_posix() in ASKED_FOR]
    seen = set(pending)
    while pending:
        file = pending.pop(0)
        module = _parsed(folder / file)
        name, wanted = ASKED_FOR.get(file.as_posix(), ("", ""))
        defined = {*_defined(module)}
        if name and name not in defined and "*" not in defined:
            raise ModelFolderError(f"{folder / file} has no {name}: define it (see pipelines/models/churn): {wanted}")
        found = [each for each in files if each in {*_imported(module, file.parent)} - seen]
        seen.update(found)
        pending += found


def _imported(module: ast.Module, package: Path) -> Iterator[Path]:
    """The files that a module of a package may import, whether or not they are there."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(Path(), alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = Path(*package.parts[: len(package.parts) + 1 - node.level]) if node.level else Path()
            for alias in node.names:
                yield from _files(base, [*(node.module or "").split("."), alias.name])


def _files(base: Path, names: Sequence[str]) -> Iterator[Path]:
    """The files of a dotted name: of its packages, and of the last as a module."""
    path = base
    for name in filter(None, names):
        path /= name
        yield path.with_suffix(".py")
        yield path / "__init__.py"


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        place = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ModelFolderError(f"{path}{place} is no Python: {said}; correct it") from error


def _defined(module: ast.Module) -> Iterator[str]:
    """The names that a module's statements bind, however deep in conditions; `*` if it imports whatever another has."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
