"""The step `claim`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def claim(run_id: str, model: str, windows: str, launch: str, through: dsl.OutputPath(str)) -> bool:  # type: ignore[valid-type]
    """Claim the oldest window of a schedule that is due and not trained; False if there is none."""
    from pathlib import Path

    from components.runs.outcome import running_step
    from components.schedules.step import claim as claim_window

    with running_step(run_id, "claim", model) as step:
        return claim_window(step, windows, launch, Path(through))
