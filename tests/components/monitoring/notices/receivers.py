"""Who is told of alarms, at the wire: a chat, a receiver of events, and a mail server."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Hook:
    """Answers posts with one status after another, and then with 200."""

    statuses: list[int] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Of those that it has taken."""
    types: list[str] = field(default_factory=list)
    withholds: threading.Event | None = None
    """Until it is set, the body of an answer does not come."""

    @property
    def texts(self) -> list[str]:
        return [body["text"] for body in self.bodies]

    @contextmanager
    def listening(self) -> Iterator[str]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = hook.statuses.pop(0) if hook.statuses else 200
                if status == 200:
                    hook.bodies.append(body)
                    hook.types.append(self.headers["Content-Type"])
                self.send_response(status)
                if hook.withholds is not None:
                    self.send_header("Content-Length", "2")
                self.end_headers()
                if hook.withholds is not None:
                    hook.withholds.wait(20)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        with _served(server):
            yield f"http://127.0.0.1:{server.server_port}/secret"


@dataclass
class MailServer:
    """Takes mail by SMTP (RFC 5321), after it has answered with some other replies to MAIL FROM."""

    replies: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Recipients that it does not know."""
    quit_reply: str = "221 bye"
    mails: list[tuple[list[str], Message]] = field(default_factory=list)
    """Recipients and text of those that it has taken."""

    @contextmanager
    def listening(self) -> Iterator[str]:
        mailbox = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, reply: str) -> None:
                self.wfile.write(f"{reply}\r\n".encode())

            def handle(self) -> None:
                self.say("220 ready")
                recipients: list[str] = []
                while line := self.rfile.readline().decode().strip():
                    verb = line.split(" ")[0].partition(":")[0].upper()
                    if verb == "EHLO":
                        self.say("250 here")
                    elif verb == "MAIL":
                        self.say(mailbox.replies.pop(0) if mailbox.replies else "250 ok")
                    elif verb == "RCPT":
                        address = line.partition("<")[2].partition(">")[0]
                        is_known = address not in mailbox.refused
                        recipients += [address] if is_known else []
                        self.say("250 ok" if is_known else "550 no such mailbox")
                    elif verb == "DATA":
                        self.say("354 go on")
                        lines = list(iter(self.rfile.readline, b".\r\n"))
                        mailbox.mails.append((recipients, message_from_bytes(b"".join(lines))))
                        self.say("250 taken")
                    elif verb == "QUIT":
                        self.say(mailbox.quit_reply)
                        return
                    else:
                        self.say("250 ok")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        server = Server(("127.0.0.1", 0), Handler)
        with _served(server):
            yield f"smtp://127.0.0.1:{server.server_address[1]}"
