"""The steps `begin`, `recall` and `compare` of a reproduction."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def begin(run_id: str, model: str, version: int, launch: str):  # type: ignore[no-untyped-def]
    """Record that a version is trained again."""
    from components.reproduction.reproduction import begin_reproduction
    from components.runs.outcome import running_step

    with running_step(run_id, "begin", model) as step:
        begin_reproduction(step, version, launch)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def recall(run_id: str, model: str, version: int, snapshot: dsl.Output[dsl.Dataset]):  # type: ignore[no-untyped-def]
    """Take the snapshot of a version instead of pinning one."""
    from components.reproduction.reproduction import recall_snapshot
    from components.runs.outcome import running_step

    with running_step(run_id, "recall", model) as step:
        recall_snapshot(step, version, snapshot)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare(  # type: ignore[no-untyped-def]
    run_id: str,
    model: str,
    version: int,
    snapshot: dsl.Input[dsl.Dataset],
    counts: dsl.Input[dsl.Artifact],
    trained: dsl.Input[dsl.Model],
    results: dsl.Input[dsl.Artifact],
    comparison: dsl.Output[dsl.Artifact],
):
    """Hold what was made against the version. Where it differs, the run ends as BLOCKED."""
    from components.reproduction.reproduction import Made, compare_version
    from components.runs.outcome import refuse, running_step

    with running_step(run_id, "compare", model) as step:
        difference = compare_version(step, version, Made(snapshot, counts, trained, results), comparison)
        if difference:
            refuse(step, difference)
