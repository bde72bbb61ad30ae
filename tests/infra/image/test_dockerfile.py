"""What infra/image/Dockerfile copies into the image of the steps."""

import re
import tomllib

from components.settings import REPOSITORY

TEXT = (REPOSITORY / "infra" / "image" / "Dockerfile").read_text()
STAGES = {name: text for text in re.split(r"^(?=FROM )", TEXT, flags=re.MULTILINE) for name in re.findall(r"^FROM \S+ AS (\S+)", text)}


def test_every_package_of_the_project_is_copied_and_compiled() -> None:
    packages = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    assert [name for name in packages if f"COPY {name} {name}\n" not in STAGES["training"]] == []
    assert f"RUN python -m compileall -q {' '.join(packages)}\n" in STAGES["training"]


def test_what_is_copied_is_handed_to_the_engine() -> None:
    handed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for line in re.findall(r"^COPY (?!--from)(.*)", TEXT, re.MULTILINE) for source in line.split()[:-1]}
    assert {source for source in copied if not source.startswith(".cache/image/")} <= handed
