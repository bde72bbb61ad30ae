"""The commands that predict."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from components.cloud import Cloud
from components.deployment.request import require_target
from components.errors import SettingsError
from components.log import configure_logging
from components.scoring.prediction import predict_rows, query_rows, read_rows, write_rows
from components.scoring.scorer import environment
from components.serving.explanation import explain_request, log_of
from components.serving.following import Targets
from components.serving.loading import open_version, version_folder
from components.serving.remembering import LogOptions
from components.serving.server import ServeOptions, own_token_file
from components.serving.server import serve as run_service
from components.serving.service import Limits
from components.wording import legible
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.options import as_json, ready_settings
from pipelines.cli.version import VersionReference, version_number

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command()
@click.option("--target", required=True, help="The target whose live versions are served: one of PERENNIAL_TARGETS, such as prod.")
@click.option("--canary", metavar="TARGET", help="A target whose live versions answer for a share of the keys.")
@click.option("--canary-share", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="That share.")
@click.option("--shadow", metavar="TARGET", help="A target whose live versions are asked the same, and never answer.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8501, show_default=True, help="The port; 0 takes a free one.")
@click.option("--grpc-port", type=click.IntRange(0, 65535), help="Also answer TensorFlow Serving's gRPC on this port; 0 takes a free one.")
@click.option(
    "--token-file", type=click.Path(path_type=Path), help="A file with the token. Default: one in the state folder, which is made."
)
@click.option("--no-token", is_flag=True, help="Ask nobody for a token. On loopback only.")
@click.option("--most-rows", type=click.IntRange(1), default=Limits.rows, show_default=True, help="The most rows of a request.")
@click.option("--seconds", type=click.FloatRange(0.1), default=Limits.seconds, show_default=True, help="How long a request may take.")
@click.option("--no-log", is_flag=True, help="Log no predictions.")
@click.option(
    "--log-share", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True, help="The share of requests to log."
)
@click.option("--log-days", type=click.IntRange(1), help="How long a new log keeps its partitions. Default: for ever.")
@click.option(
    "--sensitive",
    type=click.Choice(["keep", "hash", "omit"]),
    default="keep",
    show_default=True,
    help="What is logged of the columns that card.toml calls sensitive.",
)
def serve(
    target: str,
    canary: str | None,
    canary_share: float,
    shadow: str | None,
    host: str,
    port: int,
    grpc_port: int | None,
    token_file: Path | None,
    no_token: bool,
    most_rows: int,
    seconds: float,
    no_log: bool,
    log_share: float,
    log_days: int | None,
    sensitive: Literal["keep", "hash", "omit"],
) -> None:
    """Serve the live versions of a target over HTTP, as TensorFlow Serving does and by the Open Inference Protocol.

    New deployments are loaded in the background and swapped in without dropping a request. Ctrl-C or SIGTERM ends the service.
    """
    settings = ready_settings()
    targets = Targets(*(None if name is None else require_target(settings, name) for name in (target, canary, shadow)))  # type: ignore[arg-type]
    if no_token and host not in LOOPBACK:
        raise SettingsError(f"--no-token on {host} would answer everybody who reaches it: leave --no-token out, or --host")
    configure_logging()
    log = None if no_log else LogOptions(log_share, log_days, sensitive)
    limits = Limits(rows=most_rows, seconds=seconds)
    options = ServeOptions(
        targets, host, port, grpc_port, canary_share, asks_for_token=not no_token, token_file=token_file, limits=limits, log=log
    )

    def tell(address: str) -> None:
        token = "" if no_token else f", token in {token_file or own_token_file(settings)}"
        click.echo(f"serving {target} on {address}{token}", err=True)

    run_service(Cloud(settings), options, tell)


@click.command()
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--version", "reference", type=VersionReference(), default="latest", help="Its number, latest, live or live@TARGET.")
@click.option("--query", help="A query in GoogleSQL, instead of FILE.")
@click.option("--output", type=click.Path(path_type=Path), help="A .csv, .jsonl or .parquet file. Default: JSON lines on standard output.")
@click.option("--allow-missing", is_flag=True, help="Take a column that no row has, and may lack, as missing in each.")
def predict(model: str, file: Path | None, reference: int | str, query: str | None, output: Path | None, allow_missing: bool) -> None:
    """Score the rows of FILE (.csv, .jsonl or .parquet) or of a BigQuery query by a version of MODEL, as the service would."""
    if (file is None) == (query is None):
        raise click.UsageError("give a FILE or a --query")
    settings = ready_settings()
    cloud, version = Cloud(settings), version_number(settings, model, reference)
    scorer, reader = open_version(version_folder(cloud, model, version), f"{model} {version}")
    with closing(scorer):
        if file:
            rows = read_rows(file, reader.features, allow_missing=allow_missing)
        else:
            rows = query_rows(cloud, query or "", reader.features, allow_missing=allow_missing)
        count = write_rows(predict_rows(scorer, reader, rows), output)
    click.echo(f"{count:,} rows by {model} {version} ({environment()})", err=True)


@click.command()
@click.argument("model")
@click.argument("request_id")
@as_json
def explain(model: str, request_id: str, as_json: bool) -> None:
    """Score a logged request of MODEL again, and say whether the score is the one that was answered, to the bit."""
    settings = ready_settings()
    found = explain_request(Cloud(settings), model, log_of(settings, model), request_id)
    if as_json:
        click.echo(json.dumps([asdict(one) | {"is_equal": one.is_equal} for one in found], indent=1))
    else:
        for one in found:
            click.echo(f"{one.request_id} instance {one.instance}, {model} {one.version} ({one.role}), {one.event_time}")
            for name, value in one.features.items():
                click.echo(f"  {name}: {legible(str(value))}")
            verdict = "equal" if one.is_equal else "DIFFERENT"
            click.echo(f"  answered {_numbers(one.answered)}, again {_numbers(one.again)}: {verdict} to the bit")
            if one.environment_then != one.environment_now:
                click.echo(f"  then {one.environment_then}; now {one.environment_now}")
    if not all(one.is_equal for one in found):
        click.get_current_context().exit(ExitCode.DIFFERS)


def _numbers(scores: Sequence[float]) -> str:
    return ", ".join(f"{score:.9g}" for score in scores)
