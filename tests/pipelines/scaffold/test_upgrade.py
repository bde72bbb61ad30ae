"""`perennial upgrade`: newer templates go into a folder, edits of one's own stay, and contradictions are shown as git shows them."""

import shutil
from pathlib import Path

import pytest

from components.model.folder import read_model
from tests.pipelines.command_line import CommandLine, edit
from tests.pipelines.scaffold.rows import loans
from tests.pipelines.scaffold.test_new import load

TABLE = "upgraded.loans"


@pytest.fixture(scope="module")
def made(command_line: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> tuple[CommandLine, Path]:
    """The command line, and a folder that `perennial new` made; rows came since."""
    load(command_line.settings, TABLE, loans(days=30, rows=120))
    user = CommandLine(command_line.settings.model_copy(update={"models_folder": tmp_path_factory.mktemp("made")}))
    user.json("new", "loans", "--table", TABLE, "--key", "loan_id", "--label", "defaulted", "--yes")
    return user, user.settings.models_folder / "loans"


@pytest.fixture
def own(made: tuple[CommandLine, Path], tmp_path: Path) -> tuple[CommandLine, Path]:
    """A copy of that folder, for a test that changes it."""
    user, folder = made
    shutil.copytree(folder, tmp_path / "loans")
    return CommandLine(user.settings.model_copy(update={"models_folder": tmp_path})), tmp_path / "loans"


def older(folder: Path, file: str, new: str, old: str) -> None:
    """Let an older template have written a file: what is `new` today was `old` then."""
    edit(folder / ".new" / "files" / file, new, old)
    edit(folder / file, new, old)


def test_what_new_keeps_is_no_code_of_the_model(own: tuple[CommandLine, Path]) -> None:
    _, folder = own
    before = read_model(folder.parent, "loans")
    shutil.rmtree(folder / ".new")
    assert read_model(folder.parent, "loans").code_sha256() == before.code_sha256()


def test_a_newer_template_is_merged_and_own_edits_stay(own: tuple[CommandLine, Path]) -> None:
    user, folder = own
    older(folder, "network.py", '"""A linear model', '"""An old network')
    older(folder, "features.py", "BUCKETS = 64", "BUCKETS = 32")
    edit(folder / "network.py", "Dense(16", "Dense(24")
    edit(folder / "model.toml", "seed = 7", "seed = 8")
    (folder / "card.toml").unlink()
    before = (folder / "network.py").read_text()
    planned = user.json("upgrade", "loans", "--dry-run")
    assert (folder / "network.py").read_text() == before
    done = user.json("upgrade", "loans")
    assert (
        planned["files"]
        == done["files"]
        == {
            "model.toml": "unchanged",
            "source.sql": "unchanged",
            "features.py": "upgraded",
            "network.py": "upgraded",
            "card.toml": "left deleted",
            "schema.pbtxt": "unchanged",
        }
    )
    text = (folder / "network.py").read_text()
    assert text.startswith('"""A linear model') and "Dense(24" in text
    assert "BUCKETS = 64" in (folder / "features.py").read_text()
    assert read_model(folder.parent, "loans").training.seed == 8
    assert user.run("schema", "check", "loans").returncode == 0
    assert not (folder / "card.toml").exists()
    assert set(user.json("upgrade", "loans")["files"].values()) == {"unchanged", "left deleted"}


def test_lines_that_both_sides_changed_are_shown_as_git_shows_them(own: tuple[CommandLine, Path]) -> None:
    user, folder = own
    older(folder, "features.py", "BUCKETS = 64", "BUCKETS = 32")
    edit(folder / "features.py", "BUCKETS = 32", "BUCKETS = 48")
    done = user.run("upgrade", "loans")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        3,
        f"{folder}: has conflicts in features.py: choose between the sides",
    )
    assert (
        "<<<<<<< yours\nBUCKETS = 48\n||||||| as it was made\nBUCKETS = 32\n=======\nBUCKETS = 64\n>>>>>>> as it would be made today\n"
        in (folder / "features.py").read_text()
    )
    assert user.refused("train", "loans").startswith(f"{folder / 'features.py'} (line ")
    assert user.refused("upgrade", "loans") == (
        f"{folder / 'features.py'} has conflicts of an earlier upgrade: choose between its sides first"
    )


def test_a_folder_that_was_made_otherwise_is_not_upgraded(own: tuple[CommandLine, Path]) -> None:
    user, folder = own
    shutil.rmtree(folder / ".new")
    assert user.refused("upgrade", "loans") == (
        f"{folder / '.new' / 'wish.json'} does not tell how the folder was made: `perennial new` writes it; "
        f"a folder that was made otherwise is changed by hand"
    )


def test_a_file_in_another_encoding_is_named(own: tuple[CommandLine, Path]) -> None:
    user, folder = own
    (folder / "features.py").write_bytes("# café\n".encode("latin-1"))
    assert user.refused("upgrade", "loans") == f"{folder / 'features.py'} is not UTF-8 (byte 5): save it so, and upgrade then"
