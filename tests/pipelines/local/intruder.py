"""Another user of the machine, who tries every file and port and prints what was got as JSON. Root starts it, and as root it only imports.

python intruder.py UID < what-to-try.json       keys: paths, processes, requests, tls, grpc, sockets
"""

import http.client
import json
import os
import signal
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import grpc

"x".encode("idna")  # afterwards the folders of Python may be closed to us


def main() -> None:
    asked = json.load(sys.stdin)
    uid = int(sys.argv[1])
    os.chdir("/")
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    got = {
        "uid": os.getuid(),
        "paths": {path: entered(path) for path in asked["paths"]},
        "processes": {str(pid): touched(pid) for pid in asked["processes"]},
        "requests": [status(*request) for request in asked["requests"]],
        "tls": {f"{host}:{port}": hears_without_certificate(host, port) for host, port in asked["tls"]},
        "grpc": {f"{address} {method}": called(address, method) for address, method in asked["grpc"]},
        "sockets": {path: connected(path) for path in asked["sockets"]},
    }
    json.dump(got, sys.stdout)


def entered(path: str) -> str:
    """What a file or folder gives away."""
    attempts: tuple[Callable[[], object], ...] = (
        lambda: Path(path).read_bytes(),
        lambda: Path(path).open("ab").close(),
        lambda: os.listdir(path),
        lambda: Path(path, "planted").touch(),
    )
    for attempt in attempts:
        try:
            attempt()
        except (PermissionError, IsADirectoryError, NotADirectoryError):
            continue
        except OSError as error:
            return type(error).__name__
        return "open"
    return "closed"


def touched(pid: int) -> str:
    """What the folder of a process in /proc gives away, and whether it can be told to stop."""
    for name in ("cwd", "root", "fd", "environ", "maps", "mem"):
        path = f"/proc/{pid}/{name}"
        try:
            if name in ("environ", "maps", "mem"):
                with Path(path).open("rb") as file:
                    file.read(1)
            else:
                os.listdir(path)
        except OSError:
            continue
        return f"{name} is open"
    try:
        os.kill(pid, signal.SIGCONT)
    except (PermissionError, ProcessLookupError):
        return "closed"
    return "takes signals"


def status(method: str, url: str, headers: dict[str, str], body: str) -> int:
    request = urllib.request.Request(url, body.encode() or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)
    except (OSError, http.client.HTTPException):
        return 0


def hears_without_certificate(host: str, port: int) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout=10) as plain, context.wrap_socket(plain) as secure:
            secure.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
            return "answered" if secure.recv(1) else "refused"
    except OSError:
        return "refused"


def called(address: str, method: str) -> str:
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(f"/{method}")
        try:
            call(b"", timeout=15)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "answered"


def connected(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except PermissionError:
            return "closed"
    return "open"


if __name__ == "__main__":
    main()
