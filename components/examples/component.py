"""The step `read`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def read(  # type: ignore[no-untyped-def]
    run_id: str,
    model: str,
    snapshot: dsl.Input[dsl.Dataset],
    examples: dsl.Output[dsl.Dataset],
    counts: dsl.Output[dsl.Artifact],
    profile: dsl.Output[dsl.Artifact],
):
    """Read the snapshot's rows from BigQuery as examples."""
    from components.examples.step import write_examples
    from components.runs.outcome import running_step

    with running_step(run_id, "read", model) as step:
        write_examples(step, snapshot, examples, counts, profile)
