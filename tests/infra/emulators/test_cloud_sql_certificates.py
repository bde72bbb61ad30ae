"""Certificates of the Cloud SQL emulator: how the connector renews them, and who is refused without."""

import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pg8000
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud.sql.connector import Connector
from google.cloud.sql.connector.exceptions import RefreshNotValidError

from tests.infra.emulators.cloud_sql_process import PASSWORD, CloudSqlProcess
from tests.waiting import wait_until

HOUR_SECONDS = 3600
REFRESH_BUFFER_SECONDS = 240
"""The connector renews a certificate that is good for less."""
REQUEST_FOR_ENCRYPTION = struct.pack("!II", 8, 80877103)
"""To which PostgreSQL answers N, for no, since there is TLS already."""


@pytest.fixture(autouse=True)
def whole(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/certificate-seconds", HOUR_SECONDS)
    cloud_sql.control("DELETE", "/calls")


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def connect(opened: Connector, cloud_sql: CloudSqlProcess) -> Any:
    return opened.connect(cloud_sql.connection_name, "pg8000", user="postgres", password=PASSWORD, db="postgres")


def certificates_asked_for(cloud_sql: CloudSqlProcess) -> int:
    return sum(call.endswith(":generateEphemeralCert") for call in cloud_sql.control("GET", "/calls"))


def certificate(cloud_sql: CloudSqlProcess, key: rsa.RSAPrivateKey, folder: Path) -> Path:
    """A file of an ephemeral certificate, as a connector gets it, and its key."""
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    answer = cloud_sql.admin("POST", ":generateEphemeralCert", {"public_key": public.decode()})
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "certificate.pem"
    path.write_text(private.decode() + answer["ephemeralCert"]["cert"])
    return path


@contextmanager
def tls(cloud_sql: CloudSqlProcess, certificate: Path | None) -> Iterator[ssl.SSLSocket]:
    """A connection to port 3307 without the connector; the server's name is checked, as connectors of other languages do."""
    authority = cloud_sql.admin("GET", "/connectSettings")["serverCaCert"]["cert"]
    context = ssl.create_default_context(cadata=authority)
    if certificate is not None:
        context.load_cert_chain(certificate)
    project, region, name = cloud_sql.connection_name.split(":")
    with socket.create_connection((cloud_sql.address, 3307), timeout=5) as plain:
        with context.wrap_socket(plain, server_hostname=f"{name}.{project}.{region}.sql.goog") as secure:
            yield secure


def is_refused(cloud_sql: CloudSqlProcess, certificate: Path | None) -> bool:
    """Whether the server drops the connection. In TLS 1.3 that is after the client has finished its part."""
    with tls(cloud_sql, certificate) as connection:
        try:
            connection.sendall(REQUEST_FOR_ENCRYPTION)
            return connection.recv(1) != b"N"
        except OSError:
            return True


def test_two_calls_of_the_api_do_for_many_connections(cloud_sql: CloudSqlProcess) -> None:
    with cloud_sql.connector() as opened:
        for _ in range(5):
            connect(opened, cloud_sql).close()
    assert sorted(call.rsplit("/", 1)[1] for call in cloud_sql.control("GET", "/calls") if "projects" in call) == [
        "connectSettings",
        "registry:generateEphemeralCert",
    ]


def test_a_connector_renews_its_certificate_before_it_expires(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/certificate-seconds", REFRESH_BUFFER_SECONDS - 1)  # valid, and due for renewal at once
    with cloud_sql.connector() as lazy:
        connect(lazy, cloud_sql).close()
        with cloud_sql.connector(refresh_strategy="background") as background:
            connect(background, cloud_sql).close()
            cloud_sql.control("DELETE", "/calls")
            wait_until(lambda: certificates_asked_for(cloud_sql), "no certificate was asked for in the background")
            connect(background, cloud_sql).close()
        cloud_sql.control("DELETE", "/calls")  # when the other one can no longer ask
        connect(lazy, cloud_sql).close()
        asked_when_used = certificates_asked_for(cloud_sql)
    assert asked_when_used == 1


def test_a_certificate_that_is_expired_when_issued_is_of_no_use(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/certificate-seconds", -5)
    with cloud_sql.connector() as opened, pytest.raises((BrokenPipeError, ConnectionResetError, ssl.SSLError)):
        connect(opened, cloud_sql)
    with cloud_sql.connector(refresh_strategy="background") as opened, pytest.raises(RefreshNotValidError):
        connect(opened, cloud_sql)


@pytest.mark.parametrize("strategy", ["lazy", "background"])
def test_a_connector_follows_when_the_server_authority_is_rotated(cloud_sql: CloudSqlProcess, strategy: str) -> None:
    with cloud_sql.connector(refresh_strategy=strategy) as opened:
        old = connect(opened, cloud_sql)
        cloud_sql.control("POST", "/rotate-server-authority")
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(opened, cloud_sql)
        new = recovered(opened, cloud_sql)
        for connection in (old, new):  # who was connected stays so
            cursor = connection.cursor()
            cursor.execute("select 1")
            assert cursor.fetchone()[0] == 1
            connection.close()


def recovered(opened: Connector, cloud_sql: CloudSqlProcess) -> Any:
    """A connection as soon as the connector has learnt; in the background that may take another failure."""
    deadline = time.monotonic() + 5
    while True:
        try:
            return connect(opened, cloud_sql)
        except ssl.SSLCertVerificationError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_certificate_of_the_api_lets_in_by_plain_tls(cloud_sql: CloudSqlProcess, private_key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    with tls(cloud_sql, certificate(cloud_sql, private_key, tmp_path)) as secure:
        with pg8000.dbapi.connect("postgres", password=PASSWORD, database="postgres", sock=secure) as connection:
            cursor = connection.cursor()
            cursor.execute("select current_user")
            assert cursor.fetchone()[0] == "postgres"
            assert secure.version() == "TLSv1.3"


def test_no_certificate_is_refused(cloud_sql: CloudSqlProcess) -> None:
    assert is_refused(cloud_sql, None)


def test_an_expired_certificate_is_refused(cloud_sql: CloudSqlProcess, private_key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    assert not is_refused(cloud_sql, certificate(cloud_sql, private_key, tmp_path))
    cloud_sql.control("PUT", "/certificate-seconds", -5)
    assert is_refused(cloud_sql, certificate(cloud_sql, private_key, tmp_path))


def test_a_certificate_of_another_instance_is_refused(cloud_sql: CloudSqlProcess, private_key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    with CloudSqlProcess(tmp_path / "other", "perennial-test:europe-west1:other").running() as other:
        foreign = certificate(other, private_key, tmp_path)
    assert is_refused(cloud_sql, foreign)
