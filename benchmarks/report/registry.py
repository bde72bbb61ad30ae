"""What was found out about the registry, as Markdown."""

from collections.abc import Iterator

from benchmarks.registry.times import LISTED, READS, SHARED, TARGET_MILLISECONDS, TARGET_RATIO, RegistryTimes
from benchmarks.report.table import table

WHAT = {
    "create": ("create version", "`register_version`", "`create_model_version`"),
    "get": ("get version", "`read_candidate`: manifest, verdict, retirement", "`get_model_version`"),
    "promote": ("promote", "`append` to the log of deployments, by compare and set", "`set_registered_model_alias`"),
    "list": ("list versions", f"the newest {LISTED} with data, commit, verdict, metrics, targets", f"`search_model_versions`, {LISTED}"),
    "show": ("show", "everything of a version: run, tasks, snapshot, 400 metrics, verdicts, deployments", ""),
    "compare": ("compare", "everything of two versions", ""),
    "history": ("history", f"the last {LISTED} events", ""),
}


def registry_part(times: RegistryTimes) -> Iterator[str]:
    """The paragraphs and tables."""
    yield "## The registry"
    yield (
        f"With {times.metrics:,} rows of metrics in both registries, on the same PostgreSQL, in milliseconds at the client: medians, one "
        "call after the other, every connection warm. Ours always goes through Google's connector and the emulator of Cloud SQL: TLS in "
        f"Python on both sides. MLflow {times.mlflow} is timed in both of its ways: its client with the database's own address (psycopg2, "
        "a Unix socket, no TLS), which is its fastest, and its client with its server in front of the database, as a team has it. "
        f"The bounds: reads at most {TARGET_MILLISECONDS} ms, MLflow at least {TARGET_RATIO} times slower."
    )
    header = ("", "ours", "MLflow's", "ours (ms)", "MLflow direct (ms)", "MLflow server (ms)", "direct / ours", "server / ours")
    yield table(header, [_row(times, name) for name in dict.fromkeys((*SHARED, *READS))])
    pushes, deployers = times.pushes, times.deployers
    whole = sorted(pushes.numbers) == list(range(1, len(pushes.numbers) + 1))
    yield (
        f"{len(pushes.numbers) + len(pushes.refused)} pushes of one model at once: {len(pushes.numbers)} versions "
        f"{'without gaps' if whole else 'WITH GAPS'}, {len(pushes.refused)} errors, {pushes.seconds:.2f} s. "
        f"{len(deployers.numbers) + len(deployers.refused)} deployers of one target at once: {len(deployers.numbers)} won, "
        f"{sum(text == 'stale' for text in deployers.refused)} were told that they are stale, {deployers.seconds:.2f} s."
    )


def _row(times: RegistryTimes, name: str) -> tuple[str, ...]:
    direct, server = times.direct.get(name), times.server.get(name)
    ours = times.ours[name]
    ratios = (f"**{theirs / ours:.1f}**" if theirs else "" for theirs in (direct, server))
    return (*WHAT[name], f"{ours:.1f}", *(f"{theirs:.1f}" if theirs else "" for theirs in (direct, server)), *ratios)
