"""The steps of the monitoring pipeline."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def watch(run_id: str, model: str, target: str, through: str, launch: str, days: dsl.Output[dsl.Dataset]):  # type: ignore[no-untyped-def]
    """Record that the run starts, and find the days that are due."""
    from pathlib import Path

    from components.monitoring.watching import start_watching, write_due_days
    from components.runs.outcome import running_step

    with running_step(run_id, "watch", model) as step:
        start_watching(step, target, through, launch)
        write_due_days(step, target, through, Path(days.path))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def survey(  # type: ignore[no-untyped-def]
    run_id: str, model: str, target: str, through: str, days: dsl.Input[dsl.Dataset], profiles: dsl.Output[dsl.Dataset]
):
    """Measure the days that are due: what was served, by the scores that were logged, against the labels that are known."""
    from pathlib import Path

    from components.monitoring.measuring import measure_due_days
    from components.runs.outcome import running_step

    with running_step(run_id, "survey", model) as step:
        measure_due_days(step, target, through, Path(days.path), Path(profiles.path))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def alarm(run_id: str, model: str, target: str, through: str, profiles: dsl.Input[dsl.Dataset]):  # type: ignore[no-untyped-def]
    """Raise, follow and close alarms by what the days came to, and tell what is new."""
    from pathlib import Path

    from components.monitoring.judging import judge_days
    from components.monitoring.notices.telling import notify
    from components.runs.outcome import running_step

    with running_step(run_id, "alarm", model) as step:
        judge_days(step, target, through, Path(profiles.path))
        notify(step, target)
