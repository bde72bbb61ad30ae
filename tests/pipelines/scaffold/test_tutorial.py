"""docs/tutorial.md, as somebody who follows it: its table is loaded, becomes a model, and gets the policy of the last step."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from components.settings import REPOSITORY
from tests.pipelines.command_line import CommandLine

TEXT = (REPOSITORY / "docs" / "tutorial.md").read_text()
OWN_MODEL = (REPOSITORY / "docs" / "own-model.md").read_text()
DATASET = "tutorial"
"""In place of `bank`, which another test has."""


def test_the_tutorial_loads_a_table_makes_a_model_and_gives_it_a_policy(command_line: CommandLine, tmp_path: Path) -> None:
    user = CommandLine(command_line.settings.model_copy(update={"models_folder": tmp_path}))
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    program = program.replace('"bank', f'"{DATASET}')
    loaded = subprocess.run(
        [sys.executable, "-c", program], env=user.environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (loaded.stdout, loaded.returncode) == ("6000 rows\n", 0), loaded.stderr
    (options,) = re.findall(r"^    perennial new loans (.+)$", TEXT, re.MULTILINE)
    made = user.json("new", "loans", *options.replace("bank.", f"{DATASET}.").split(), "--yes")
    assert (made["every_days"], made["label_delay_days"], made["left_out"]) == (1, 0, {})
    (policy,) = re.findall(r"^    \[continuous\]\n.*?(?=\n\n\S)", TEXT, re.MULTILINE | re.DOTALL)
    file = tmp_path / "loans" / "model.toml"
    file.write_text(file.read_text() + "\n" + re.sub(r"^    ", "", policy, flags=re.MULTILINE) + "\n")
    assert tomllib.loads(file.read_text())["continuous"] == {"deploy": {"local": "after approval"}}
    shown = user.run("policy", "show", "loans")
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (
        0,
        "A good version goes to local when somebody approves it with `perennial approve`.",
    )
    (row,) = re.findall(r'\[(\{"loan_id".*?\})\]', TEXT)
    columns = set(re.findall(r"AS `(\w+)`", (tmp_path / "loans" / "source.sql").read_text()))
    assert set(re.findall(r'"(\w+)":', row)) == columns - {"defaulted"}
    add_own_feature(tmp_path / "loans")
    proposed = user.json("schema", "infer", "loans")["schema"]
    (block,) = re.findall(r"^feature \{\n  name: \"debt_ratio\".*?^\}", proposed, re.MULTILINE | re.DOTALL)
    assert re.sub(r"  # seen .*", "", block) == own_feature("       feature {")
    checked = user.run("schema", "check", "loans")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def own_feature(beginning: str) -> str:
    """What docs/own-model.md says to write for a feature of one's own, by how it begins."""
    (text,) = re.findall(rf"^({re.escape(beginning)}.*?)\n\n", OWN_MODEL, re.MULTILINE | re.DOTALL)
    return re.sub(r"^       ", "", text, flags=re.MULTILINE)


def add_own_feature(folder: Path) -> None:
    """The three steps of docs/own-model.md."""
    sql, schema, features = (folder / name for name in ("source.sql", "schema.pbtxt", "features.py"))
    line = next(line for line in sql.read_text().splitlines(keepends=True) if "AS `income`" in line)
    sql.write_text(sql.read_text().replace(line, f"{line}  {own_feature('       IFNULL')}\n"))
    schema.write_text(schema.read_text() + own_feature("       feature {") + "\n")
    assert 'add `"debt_ratio",` to `NUMBERS`' in OWN_MODEL
    features.write_text(features.read_text().replace("NUMBERS = (\n", 'NUMBERS = (\n    "debt_ratio",\n'))
