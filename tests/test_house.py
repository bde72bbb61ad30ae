"""The house stays tidy: what CONTRIBUTING.md asks of names, sizes and public functions, held by counting."""

import ast
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.settings import REPOSITORY

MOST_MODULES = 15
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 40
MOST_LINES_OF_A_ROOM = 2_700
GROWS_BY_COMMAND = {"pipelines/cli": 4_400}
"""Nobody reads the command line through: each command is a file of its own, with its text."""
STARTED_BY_NAME = {"main", "upgrade"}
"""A script's entry, and Alembic's."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def product() -> list[Path]:
    """The modules of components/, pipelines/ and perennial/, but for what a team writes."""
    files = subprocess.run(
        ["git", "ls-files", "components/*.py", "pipelines/*.py", "perennial/*.py"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in files.stdout.split() if "/models/" not in name and (path := REPOSITORY / name).is_file()]


MODULES = {path.relative_to(REPOSITORY).as_posix(): ast.parse(path.read_text()) for path in product() if path.name != "__init__.py"}
PUBLIC = ast.parse((REPOSITORY / "perennial" / "__init__.py").read_text())
"""Names what programs call."""


def test_no_two_public_classes_share_a_name() -> None:
    homes = defaultdict(list)
    for name, module in MODULES.items():
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name)
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def emulators() -> list[str]:
    """The modules of the emulators."""
    files = subprocess.run(["git", "ls-files", "infra/emulators/*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [name for name in files.stdout.split() if not name.endswith("__init__.py") and (REPOSITORY / name).is_file()]


def test_no_folder_has_more_modules_than_one_remembers() -> None:
    folders = Counter(str(Path(name).parent) for name in [*MODULES, *emulators()])
    assert {folder: count for folder, count in folders.items() if count > MOST_MODULES} == {}


def test_no_room_is_larger_than_an_hour_of_reading() -> None:
    rooms: Counter[str] = Counter()
    for name in MODULES:
        rooms["/".join(Path(name).parts[:2])] += len((REPOSITORY / name).read_text().splitlines())
    assert {room: lines for room, lines in rooms.items() if lines > GROWS_BY_COMMAND.get(room, MOST_LINES_OF_A_ROOM)} == {}


@pytest.mark.parametrize("folder", ["components", "perennial", "pipelines", "infra/emulators", "benchmarks"])
def test_no_file_is_longer_than_one_subject_needs(folder: str) -> None:
    files = subprocess.run(["git", "ls-files", f"{folder}/*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split()
    lengths = {name: len((REPOSITORY / name).read_text().splitlines()) for name in files if (REPOSITORY / name).is_file()}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    modules = MODULES | {name: ast.parse((REPOSITORY / name).read_text()) for name in emulators()}
    lengths = {
        f"{name}:{node.name}": node.end_lineno - node.lineno + 1
        for name, module in modules.items()
        for node in ast.walk(module)
        if isinstance(node, Function) and node.end_lineno
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION} == {}


def public_functions() -> Iterator[tuple[str, str]]:
    """Module and name of every public function at module level that nothing but a call can start."""
    for name, module in MODULES.items():
        for node in module.body:
            if (
                isinstance(node, Function)
                and not node.name.startswith("_")
                and not node.decorator_list
                and node.name not in STARTED_BY_NAME
            ):
                yield name.removesuffix(".py").replace("/", "."), node.name


def used_elsewhere() -> set[tuple[str, str]]:
    """Module and name of whatever another module of the product imports, or reads of a module that it imports, or names in a string."""
    used: set[tuple[str, str]] = set()
    for tree in (*MODULES.values(), PUBLIC):
        modules: defaultdict[str, set[str]] = defaultdict(set)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    used.add((node.module, alias.name))
                    modules[alias.asname or alias.name].add(f"{node.module}.{alias.name}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
                used |= {(module, node.attr) for module in modules[node.value.id]}
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"(components|pipelines)[\w.]+[.:]\w+", node.value)
            ):
                module, _, name = node.value.replace(":", ".").rpartition(".")
                used.add((module, name))
    return used


def test_every_public_function_is_called_from_another_module() -> None:
    used = used_elsewhere()
    assert sorted(f"{module}.{name}" for module, name in public_functions() if (module, name) not in used) == []


def test_only_component_files_of_the_steps_know_kfp() -> None:
    """Anything else of components/ runs on a machine without Kubeflow's SDK."""
    imports = {
        name
        for name, module in MODULES.items()
        for node in ast.walk(module)
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "kfp")
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "kfp" for alias in node.names))
    }
    assert {name for name in imports if name.startswith("components/") and Path(name).name != "component.py"} == set()


def test_the_reading_path_that_the_readme_names_is_under_800_lines() -> None:
    rooms = re.search(r"`components/\{([a-z,]+)\}/`", (REPOSITORY / "README.md").read_text())
    assert rooms
    files = [REPOSITORY / "components" / room / name for room in rooms[1].split(",") for name in ("component.py", "step.py")]
    lines = [len(path.read_text().splitlines()) for path in [REPOSITORY / "pipelines" / "training.py", *files] if path.is_file()]
    assert sum(lines) < 800
