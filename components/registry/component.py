"""The steps `start`, `push`, `record` and `finish`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def start(run_id: str, model: str, through: str, launch: str, reference: dsl.Output[dsl.Artifact]):  # type: ignore[no-untyped-def]
    """Record that the run starts, and look up what the champion was trained on."""
    from components.registry.champion import write_reference
    from components.registry.step import start_recorded_run
    from components.runs.outcome import recorded

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
    from components.registry.step import push_model
    from components.runs.outcome import recorded

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
    from components.registry.step import record_version
    from components.runs.outcome import recorded

    with recorded(run_id, "record") as settings:
        return record_version(settings, run_id, model, snapshot, counts, pushed, results)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def finish(run_id: str, status: dsl.PipelineTaskFinalStatus):  # type: ignore[no-untyped-def]
    """Record how the run ended, if no step has said so already."""
    from components.registry.step import finish_recorded_run
    from components.runs.outcome import recorded

    with recorded(run_id, "finish") as settings:
        finish_recorded_run(settings, run_id, status.state, status.error_message)
