"""The data plane: TLS with client certificates on port 3307, and PostgreSQL's protocol inside it."""

import asyncio
import contextlib
import logging
import ssl
import struct
import urllib.parse

from cloud_sql.instance import Instance, login_name
from cloud_sql.postgres import SUPERUSER

log = logging.getLogger(__name__)

PORT = 3307  # fixed in every Cloud SQL connector
STARTUP_SECONDS = 30
LONGEST_STARTUP_PACKET = 10_000  # PostgreSQL's own limit
CANCEL_REQUEST = 80877102
ENCRYPTION_REQUESTS = (80877103, 80877104)  # libpq asks for TLS or GSS, which it already has around it
PIECE = 1 << 16


class Refusal(Exception):
    """A login is refused before PostgreSQL sees it."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        fields = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": message}
        body = b"".join(f"{name}{value}\0".encode() for name, value in fields.items()) + b"\0"
        self.packet = b"E" + struct.pack("!I", len(body) + 4) + body


class Proxy:
    """Port 3307 of one instance."""

    def __init__(self, instance: Instance, address: str) -> None:
        self._instance = instance
        self._address = address
        self._server: asyncio.Server | None = None

    async def listen(self, context: ssl.SSLContext) -> None:
        """Listen with the certificates of `context`, for the first time or anew. Connections that are open live on."""
        if self._server is not None:
            self._server.close()
        self._server = await asyncio.start_server(self._serve, self._address, PORT, ssl=context, ssl_handshake_timeout=10)

    def close(self) -> None:
        """Listen no longer, and drop what is connected."""
        if self._server is not None:
            self._server.close()
            self._server.close_clients()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(STARTUP_SECONDS):
                packet = await _read_startup(reader, writer)
                self._admit(packet, certificate_identity(writer))
                from_server, to_server = await asyncio.open_unix_connection(self._instance.postgres.socket)
            to_server.write(packet)
            await asyncio.gather(_pump(reader, to_server), _pump(from_server, writer))
        except Refusal as refusal:
            log.info("login refused: %s", refusal)
            writer.write(refusal.packet)
        except (OSError, EOFError) as error:  # PostgreSQL is down, or the client gone or silent: hang up, as the real proxy does
            log.info("hung up before a login: %r", error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _admit(self, packet: bytes, identity: str | None) -> None:
        """Let IAM users in by certificate only, and everybody else by password only.

        Raises:
            Refusal: the certificate and the user that asks do not belong together.
        """
        if struct.unpack("!I", packet[4:8])[0] == CANCEL_REQUEST:
            return
        user = startup_user(packet)
        by_certificate = user in self._instance.iam_users
        if identity is not None and not (by_certificate and user == login_name(identity)):
            raise Refusal("28000", f'Cloud SQL IAM service account authentication failed for user "{user}"')
        if identity is None and (by_certificate or user == SUPERUSER):
            raise Refusal("28P01", f'password authentication failed for user "{user}"')


def certificate_identity(writer: asyncio.StreamWriter) -> str | None:
    """The IAM identity that the client's certificate stands for; None when it is good for logins by password."""
    names = writer.get_extra_info("peercert").get("subjectAltName", ())
    for kind, name in names:
        if kind == "URI":
            return urllib.parse.unquote(urllib.parse.urlsplit(name).path.strip("/")) or None
    return None


def identity_uri(connection_name: str, email: str | None) -> str:
    """What `certificate_identity` reads, to be put into an ephemeral certificate."""
    return f"cloudsql://{urllib.parse.quote(connection_name)}/{urllib.parse.quote(email or '')}"


def startup_user(packet: bytes) -> str:
    """The user named in a startup packet: length, version, then names and values that end in NUL (the last of a name counts)."""
    parts = packet[8:].split(b"\0")
    return dict(zip(parts[::2], parts[1::2], strict=False)).get(b"user", b"").decode(errors="replace")


async def _read_startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    while True:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!II", head)
        if code not in ENCRYPTION_REQUESTS:
            break
        writer.write(b"N")
    if not 8 <= length <= LONGEST_STARTUP_PACKET:
        raise Refusal("08P01", "invalid length of startup packet")
    return head + await reader.readexactly(length - 8)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    except OSError as error:
        log.info("a connection broke off: %r", error)
    finally:
        writer.close()
