"""Starts the prediction service in its image, where there is no command line: `python -m components.serving --target prod`."""

import argparse
import logging
import sys
from pathlib import Path

from components.cloud import Cloud
from components.errors import PerennialError
from components.log import configure_logging
from components.serving.following import Targets
from components.serving.remembering import LogOptions
from components.serving.server import ServeOptions, serve
from components.settings import read_settings

log = logging.getLogger(__name__)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m components.serving", description="Serve the live versions of a target.")
    parser.add_argument("--target", required=True)
    parser.add_argument("--canary", metavar="TARGET")
    parser.add_argument("--canary-share", type=float, default=0.05)
    parser.add_argument("--shadow", metavar="TARGET")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--grpc-port", type=int, help="TensorFlow Serving's gRPC, as a rule on 8500")
    parser.add_argument("--token-file", type=Path, help="a mounted secret")
    parser.add_argument("--no-log", action="store_true", help="log no predictions")
    parser.add_argument("--log-share", type=float, default=1.0, help="the share of requests to log, above 0")
    parser.add_argument("--log-days", type=int, help="how long a new log keeps its partitions; without it for ever")
    parser.add_argument("--sensitive", choices=["keep", "hash", "omit"], default="keep", help="columns that card.toml calls sensitive")
    given = parser.parse_args()
    if not 0 < given.log_share <= 1 or (given.log_days or 1) < 1:
        parser.error("--log-share is above 0 and at most 1, --log-days at least 1")
    configure_logging()
    targets = Targets(given.target, given.canary, given.shadow)
    logged = None if given.no_log else LogOptions(given.log_share, given.log_days, given.sensitive)
    options = ServeOptions(targets, given.host, given.port, given.grpc_port, given.canary_share, token_file=given.token_file, log=logged)
    try:
        serve(Cloud(read_settings()), options, lambda address: log.info("serving", extra={"address": address}))
    except PerennialError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
