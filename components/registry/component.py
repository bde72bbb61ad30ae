"""The steps `start`, `push`, `record` and `finish`, and those of a reproduction: `begin`, `recall` and `compare`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def start(run_id: str, model: str, through: str, launch: str, reference: dsl.Output[dsl.Artifact]):  # type: ignore[no-untyped-def]
    """Record that the run starts, and look up what the champion was trained on."""
    from components.registry.gate import write_reference
    from components.registry.outcome import recorded
    from components.registry.step import start_recorded_run

    with recorded(run_id, "start") as settings:
        start_recorded_run(settings, run_id, model, through, launch)
        write_reference(settings, model, reference)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def push(  # type: ignore[no-untyped-def]
    run_id: str,
    model: str,
    snapshot: dsl.Input[dsl.Dataset],
    trained: dsl.Input[dsl.Model],
    pushed: dsl.Output[dsl.Model],
):
    """Put the model's bytes into Cloud Storage."""
    from components.registry.outcome import recorded
    from components.registry.step import push_model

    with recorded(run_id, "push") as settings:
        push_model(settings, run_id, model, snapshot, trained, pushed)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def record(
    run_id: str,
    model: str,
    snapshot: dsl.Input[dsl.Dataset],
    counts: dsl.Input[dsl.Artifact],
    pushed: dsl.Input[dsl.Model],
    results: dsl.Input[dsl.Artifact],
) -> int:
    """Give the pushed model its number, with everything that is known of it."""
    from components.registry.outcome import recorded
    from components.registry.step import record_version

    with recorded(run_id, "record") as settings:
        return record_version(settings, run_id, model, snapshot, counts, pushed, results)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def begin(run_id: str, model: str, version: int, launch: str):  # type: ignore[no-untyped-def]
    """Record that a version is trained again."""
    from components.registry.outcome import recorded
    from components.registry.reproduction import begin_reproduction

    with recorded(run_id, "begin") as settings:
        begin_reproduction(settings, run_id, model, version, launch)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def recall(run_id: str, model: str, version: int, snapshot: dsl.Output[dsl.Dataset]):  # type: ignore[no-untyped-def]
    """Take the snapshot of a version instead of pinning one."""
    from components.registry.outcome import recorded
    from components.registry.reproduction import recall_snapshot

    with recorded(run_id, "recall") as settings:
        recall_snapshot(settings, run_id, model, version, snapshot)


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
    from components.registry.outcome import recorded, refuse
    from components.registry.reproduction import Made, compare_version

    with recorded(run_id, "compare") as settings:
        difference = compare_version(settings, run_id, model, version, Made(snapshot, counts, trained, results), comparison)
        if difference:
            refuse(settings, run_id, difference)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def finish(run_id: str, status: dsl.PipelineTaskFinalStatus):  # type: ignore[no-untyped-def]
    """Record how the run ended, if no step has said so already."""
    from components.registry.outcome import recorded
    from components.registry.step import finish_recorded_run

    with recorded(run_id, "finish") as settings:
        finish_recorded_run(settings, run_id, status.state, status.error_message)
