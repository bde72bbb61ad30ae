"""`perennial database dump | load` and `migrate`, as they are met on a machine."""

from pathlib import Path

from tests.pipelines.command_line import CommandLine


def test_a_dump_says_what_is_in_it_and_is_not_loaded_over_what_is_there(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "registry.dump"
    assert command_line.run("migrate").returncode == 0
    start_of_a_run = command_line.run("train", "churn", "--through", "1999-01-01")  # which is refused, and recorded
    assert start_of_a_run.returncode == 1

    dumped = command_line.run("database", "dump", str(file))
    assert dumped.returncode == 0, dumped.stderr
    assert dumped.stdout.startswith("dumped ")
    assert dumped.stdout.endswith(f"{file}: {file.stat().st_size:,} bytes\n")
    assert file.read_bytes().startswith(b"PGDMP")

    again = command_line.run("database", "dump", str(file))
    assert (again.returncode, again.stderr) == (1, f"Error: {file} exists: give a file that does not\n")
    over = command_line.run("database", "load", str(file))
    assert over.returncode == 1
    assert over.stderr.startswith("Error: the registry is not empty: it has ")
