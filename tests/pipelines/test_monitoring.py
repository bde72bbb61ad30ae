"""The compiled monitoring pipeline: the days that are due, what they came to, the alarms that this raises."""

from pathlib import Path

import yaml

from pipelines.monitoring import monitoring
from pipelines.run.launch import compile_pipeline


def test_each_step_waits_for_what_the_one_before_has_left(tmp_path: Path) -> None:
    compile_pipeline(monitoring, tmp_path / "monitoring.yaml")
    (document, *_) = yaml.safe_load_all((tmp_path / "monitoring.yaml").read_text())
    (group,) = (component["dag"] for name, component in document["components"].items() if "dag" in component)
    tasks = {name: set(task.get("dependentTasks", ())) for name, task in group["tasks"].items()}
    assert tasks == {"watch": set(), "survey": {"watch"}, "alarm": {"survey"}}
    assert sorted(document["root"]["inputDefinitions"]["parameters"]) == ["launch", "model", "run_id", "target", "through"]
