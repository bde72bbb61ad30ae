"""Cloud Storage on one machine: `python -m cloud_storage --help`."""

import argparse
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import uvicorn
from identity.policy import Policy
from identity.private import keep_private
from identity.tokens import read_key

from cloud_storage.app import application
from cloud_storage.faults import Faults
from cloud_storage.state.store import FolderInUseError, Store

HOST = "127.0.0.1"
GRACE_SECONDS = 3


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    arguments = _arguments()
    listener = _listen(arguments.host, arguments.port)
    try:
        key = read_key(arguments.token_key) if arguments.token_key else None
        keep_private(arguments.data)
        store = Store(arguments.data)
    except sqlite3.Error as error:
        sys.exit(f"cloud_storage: {arguments.data} holds no state of this emulator ({error}): choose another folder, or move it away")
    except (FolderInUseError, OSError, ValueError) as error:
        sys.exit(f"cloud_storage: {error}")
    app = application(store, key, arguments.service_accounts, Policy(arguments.policy))
    # h11 and no other parser: it sends headers in the case that they are given in.
    config = uvicorn.Config(
        Faults(app) if arguments.faults else app,
        http="h11",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn ends cleanly, then raises the signal again
    uvicorn.Server(config).run(sockets=[listener])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cloud_storage", description="Cloud Storage on one machine.")
    parser.add_argument("--host", default=HOST, metavar="ADDRESS", help=f"where to listen; {HOST} unless told")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the folder that keeps the state")
    parser.add_argument("--token-key", type=Path, help="the key that access tokens are signed with; without it, nobody is asked for one")
    parser.add_argument(
        "--service-accounts", type=Path, metavar="FOLDER", help="the keys of those whose signed URLs are served; without it, none is"
    )
    parser.add_argument("--policy", type=Path, metavar="FILE", help="what the accounts that it names may do; without it, all may do all")
    parser.add_argument("--faults", action="store_true", help="let anybody break requests on purpose: see faults.py")
    return parser.parse_args()


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio turns Nagle's algorithm off only then: 40 ms a request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        sys.exit(f"cloud_storage: cannot listen on {host}:{port} ({error.strerror}): stop what does, or choose another port")
    return listener


if __name__ == "__main__":
    main()
