"""The steps `inspect`, `schema`, `statistics` and `validate`."""

from kfp import dsl

from components.settings import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def schema(run_id: str, model: str, schema: dsl.Output[dsl.Artifact]):  # type: ignore[no-untyped-def]
    """Import the schema that is pinned in git."""
    from components.checks.gate import import_schema
    from components.runs.outcome import running_step

    with running_step(run_id, "schema", model) as step:
        import_schema(step.model, schema)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def statistics(run_id: str, model: str, examples: dsl.Input[dsl.Dataset], statistics: dsl.Output[dsl.Artifact]):  # type: ignore[no-untyped-def]
    """Compute the statistics of every split."""
    from components.checks.gate import compute_statistics, statistics_cache
    from components.runs.outcome import running_step

    with running_step(run_id, "statistics", model) as step:
        compute_statistics(examples, statistics, cache=statistics_cache(step), beam_args=step.settings.beam_args)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def inspect(  # type: ignore[no-untyped-def]
    run_id: str,
    model: str,
    snapshot: dsl.Input[dsl.Dataset],
    reference: dsl.Input[dsl.Artifact],
    profile: dsl.Output[dsl.Artifact],
    findings: dsl.Output[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
):
    """Profile the pinned partitions, and end the run where the source went bad."""
    from components.checks.admit import admit
    from components.checks.step import Inspection, inspect_source
    from components.runs.outcome import running_step

    with running_step(run_id, "inspect", model) as step:
        inspection = Inspection(profile, findings, page)
        inspect_source(step, snapshot, reference, inspection)
        admit(step, "source", snapshot, reference, inspection)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def validate(  # type: ignore[no-untyped-def]
    run_id: str,
    model: str,
    snapshot: dsl.Input[dsl.Dataset],
    reference: dsl.Input[dsl.Artifact],
    profile: dsl.Input[dsl.Artifact],
    statistics: dsl.Input[dsl.Artifact],
    schema: dsl.Input[dsl.Artifact],
    anomalies: dsl.Output[dsl.Artifact],
    findings: dsl.Output[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
):
    """Hold the statistics against the schema and the rows against the champion's, and end the run where they break it."""
    from components.checks import gate
    from components.checks.admit import admit
    from components.checks.step import Inspection, inspect_rows
    from components.runs.outcome import running_step

    with running_step(run_id, "validate", model) as step:
        broken = gate.validate(statistics, schema, anomalies, beam_args=step.settings.beam_args)
        inspection = Inspection(profile, findings, page)
        inspect_rows(step, snapshot, reference, inspection, broken)
        admit(step, "rows", snapshot, reference, inspection)
