"""Why a second training differs, as far as the registry knows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from components.registry.history import VersionStory, read_version
from components.registry.versions import NewVersion, register_version
from components.reproduction.causes import environment_causes
from components.runs.machine import machine_kind
from components.runs.provenance import component_version, environment_digest, package_versions, pipeline_version
from components.runs.record import Task
from components.settings import Settings

ROOMS = {"train": "training", "read": "examples"}


@pytest.fixture
def story(cloud: Settings, connection: sa.Connection, new_version: Callable[..., NewVersion]) -> VersionStory:
    """A version that was made here and now."""
    new = new_version(connection, training_machine=machine_kind())
    return of_run(
        read_version(connection, new.model, register_version(connection, new)),
        environment_digest=environment_digest(),
        package_versions=package_versions(),
        pipeline_version=pipeline_version(),
        parameters={"beam_args": list(cloud.beam_args)},
    )


def of_run(story: VersionStory, **changes: Any) -> VersionStory:
    return replace(story, run=replace(story.run, run=replace(story.run.run, **changes)))


def causes(settings: Settings, story: VersionStory) -> list[str]:
    return environment_causes(settings, story, ROOMS)


def test_where_nothing_changed_there_is_no_cause(cloud: Settings, story: VersionStory) -> None:
    assert causes(cloud, story) == []


def test_packages_that_changed_are_named_with_both_versions(cloud: Settings, story: VersionStory) -> None:
    packages = {**package_versions(), "numpy": "1.0", "gone": "3.1"}
    (lock, changed) = causes(cloud, of_run(story, package_versions=packages, environment_digest=f"sha256:{'1' * 64}"))
    assert lock == f"uv.lock: {'1' * 12} then, {environment_digest()[7:19]} now"
    assert changed == f"packages: gone 3.1 → absent, numpy 1.0 → {package_versions()['numpy']}"


def test_of_many_packages_some_are_named(cloud: Settings, story: VersionStory) -> None:
    (changed,) = causes(cloud, of_run(story, package_versions={**package_versions(), **{f"a{number:02}": "1" for number in range(20)}}))
    assert changed.endswith("a07 1 → absent and 12 more")


def test_steps_whose_code_changed_are_named(cloud: Settings, story: VersionStory) -> None:
    tasks = (Task("read", "read", component_version("examples")), Task("train", "train", "0.0+1"), Task("push", "push", "0.0+1"))
    (changed,) = causes(cloud, replace(of_run(story, pipeline_version="0.0+0"), tasks=tasks))
    assert changed == (f"Perennial's components: 0.0+0 (commit ccccccc) then, {pipeline_version()} now, in what the steps train import")


def test_code_outside_the_steps_may_have_changed(cloud: Settings, story: VersionStory) -> None:
    (changed,) = causes(cloud, of_run(story, pipeline_version="0.0+0", git_commit=None))
    assert changed == f"Perennial's components: 0.0+0 then, {pipeline_version()} now, in nothing that a step imports"


def test_another_machine_is_named(cloud: Settings, story: VersionStory) -> None:
    assert causes(cloud, replace(story, training_machine="an abacus")) == [f"machine: an abacus then, {machine_kind()} now"]


def test_beam_elsewhere_is_named(cloud: Settings, story: VersionStory) -> None:
    (changed,) = causes(cloud, of_run(story, parameters={"beam_args": ["--runner=DataflowRunner"]}))
    assert changed.startswith("beam_args: ['--runner=DataflowRunner'] then, ['--runner=apache_beam.")
