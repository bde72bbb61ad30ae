"""The steps `start`, `push`, `record` and `finish`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def start(  # type: ignore[no-untyped-def]
    run_id: str, model: str, through: str, launch: str, kubeflow_run: str, reference: dsl.Output[dsl.Artifact]
):
    """Record that the run starts, and look up what the champion was trained on."""
    from components.registry.champion import write_reference
    from components.registry.step import start_recorded_run
    from components.runs.outcome import running_step

    with running_step(run_id, "start", model) as step:
        start_recorded_run(step, through, launch, kubeflow_run)
        write_reference(step, reference)


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
    from components.runs.outcome import running_step

    with running_step(run_id, "push", model) as step:
        push_model(step, snapshot, trained, pushed)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def record(
    run_id: str,
    model: str,
    snapshot: dsl.Input[dsl.Dataset],
    counts: dsl.Input[dsl.Artifact],
    pushed: dsl.Input[dsl.Model],
    results: dsl.Input[dsl.Artifact],
    summary: dsl.Output[dsl.Markdown],
) -> int:
    """Give the pushed model its number, with everything that is known of it."""
    from components.registry.step import record_version
    from components.runs.outcome import running_step

    with running_step(run_id, "record", model) as step:
        return record_version(step, snapshot, counts, pushed, results, summary)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def finish(run_id: str, kubeflow_run: str, status: dsl.PipelineTaskFinalStatus):  # type: ignore[no-untyped-def]
    """Record how the run ended, if no step has said so already."""
    from components.cloud import Cloud
    from components.registry.step import finish_recorded_run
    from components.runs.outcome import recorded_outcome

    with recorded_outcome(run_id, "finish") as settings:
        finish_recorded_run(Cloud(settings), run_id, status.state, status.error_message, kubeflow_run)
