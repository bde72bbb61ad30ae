"""The two certificate authorities of an instance: one signs its server certificate, one its clients' ephemeral certificates."""

import datetime as dt
import logging
import ssl
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

from cloud_sql.private_file import write_private

log = logging.getLogger(__name__)

SERVER_AUTHORITY = "server.pem"
CLOCK_SKEW = dt.timedelta(minutes=1)
SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A certificate authority kept in one PEM file: its key, then its own certificate. P-256, since RSA keys take seconds."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def make(cls, path: Path, common_name: str) -> Self:
        """A new authority, written to `path`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name)
        extensions = x509.BasicConstraints(ca=True, path_length=None), SIGNS_CERTIFICATES
        certificate = _sign(name, name, key.public_key(), key, dt.timedelta(days=3650), *extensions)
        write_private(path, _key_pem(key) + certificate_pem(certificate))
        return cls(key, certificate)

    @classmethod
    def open(cls, path: Path, common_name: str) -> Self:
        """The authority at `path`, made if there is none or if the file is damaged: connectors ask for its certificate anew."""
        try:
            content = path.read_bytes()
            key = serialization.load_pem_private_key(content, password=None)
            if isinstance(key, ec.EllipticCurvePrivateKey):
                return cls(key, x509.load_pem_x509_certificate(content))
        except FileNotFoundError:
            return cls.make(path, common_name)
        except ValueError:
            pass
        log.warning("%s is damaged: a new certificate authority takes its place", path)
        return cls.make(path, common_name)

    @property
    def pem(self) -> str:
        """Its own certificate."""
        return certificate_pem(self.certificate)

    def issue(
        self, common_name: str, key: CertificatePublicKeyTypes, lifetime: dt.timedelta, names: list[x509.GeneralName]
    ) -> x509.Certificate:
        """A certificate for `key`; with a negative lifetime it is expired from the start."""
        subject = _name(common_name)
        leaf = x509.BasicConstraints(ca=False, path_length=None)
        return _sign(subject, self.certificate.subject, key, self._key, lifetime, leaf, x509.SubjectAlternativeName(names))


class Certificates:
    """Both authorities of an instance, kept in `folder`: connectors trust the first, and are trusted for the second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server = Authority.open(folder / SERVER_AUTHORITY, "Google Cloud SQL Server CA")
        self.clients = Authority.open(folder / "clients.pem", "Google Cloud SQL Signing CA")
        self.client_seconds = 3600.0
        """How long an ephemeral certificate is good for."""

    def rotate_server(self) -> None:
        """Replace the authority that connectors trust."""
        self.server = Authority.make(self._folder / SERVER_AUTHORITY, "Google Cloud SQL Server CA")

    def server_context(self, common_name: str, dns_name: str) -> ssl.SSLContext:
        """TLS 1.3 as on port 3307 of Cloud SQL: who shows no certificate that `clients` signed is refused."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.server.issue(common_name, key.public_key(), dt.timedelta(days=365), [x509.DNSName(dns_name)])
        path = self._folder / "server-certificate.pem"  # Python's ssl takes a server's key only from a file
        write_private(path, _key_pem(key) + certificate_pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self.clients.pem)
        context.load_cert_chain(path)
        return context


def certificate_pem(certificate: x509.Certificate) -> str:
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: CertificatePublicKeyTypes,
    issuer_key: ec.EllipticCurvePrivateKey,
    lifetime: dt.timedelta,
    *extensions: x509.ExtensionType,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(min(now, now + lifetime) - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=not isinstance(extension, x509.SubjectAlternativeName))
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Google, Inc"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
