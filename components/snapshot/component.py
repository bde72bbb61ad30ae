"""The step `pin`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def pin(run_id: str, model: str, through: str, snapshot: dsl.Output[dsl.Dataset]):  # type: ignore[no-untyped-def]
    """Pin the window of partitions that ends with `through`."""
    from components.runs.outcome import running_step
    from components.snapshot.step import write_snapshot

    with running_step(run_id, "pin", model) as step:
        write_snapshot(step, through, snapshot)
