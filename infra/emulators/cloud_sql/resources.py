"""The resources of the SQL Admin API as JSON, as far as its clients read them."""

import datetime as dt
import secrets

from cryptography import x509

from cloud_sql.authority import Authority, certificate_pem
from cloud_sql.instance import DATABASE_VERSION, Instance

Resource = dict[str, object]


def instance_resource(instance: Instance, server: Authority) -> Resource:
    """sql#instance"""
    return {
        "kind": "sql#instance",
        "name": instance.name,
        "project": instance.project,
        "region": instance.region,
        "gceZone": f"{instance.region}-a",
        "connectionName": instance.connection_name,
        "databaseVersion": DATABASE_VERSION,
        "state": "RUNNABLE",
        "backendType": "SECOND_GEN",
        "instanceType": "CLOUD_SQL_INSTANCE",
        "createTime": instance.created.isoformat(),
        "ipAddresses": _addresses(instance),
        "serverCaCert": _authority_resource(instance, server),
        "settings": {
            "kind": "sql#settings",
            "tier": "db-custom-1-3840",
            "activationPolicy": "ALWAYS",
            "edition": "ENTERPRISE",
            "dataDiskSizeGb": "10",
            "settingsVersion": "1",
            "databaseFlags": [{"name": "cloudsql.iam_authentication", "value": "on"}],
        },
    }


def connect_settings(instance: Instance, server: Authority) -> Resource:
    """sql#connectSettings: where a connector finds the instance, and whose certificate it may trust there."""
    return {
        "kind": "sql#connectSettings",
        "serverCaCert": _authority_resource(instance, server),
        "serverCaMode": "GOOGLE_MANAGED_INTERNAL_CA",
        "region": instance.region,
        "ipAddresses": _addresses(instance),
        "dnsName": instance.dns_name,
        "databaseVersion": DATABASE_VERSION,
        "backendType": "SECOND_GEN",
        "pscEnabled": False,
    }


def ephemeral_certificate(instance: Instance, certificate: x509.Certificate) -> Resource:
    """The answer to generateEphemeralCert."""
    expiry = certificate.not_valid_after_utc.isoformat()
    return {
        "ephemeralCert": {
            "kind": "sql#sslCert",
            "cert": certificate_pem(certificate),
            "instance": instance.name,
            "expirationTime": expiry,
        }
    }


def databases_list(instance: Instance, names: list[str]) -> Resource:
    """sql#databasesList"""
    fixed = {"kind": "sql#database", "project": instance.project, "instance": instance.name, "charset": "UTF8", "collation": "C.UTF-8"}
    return {"kind": "sql#databasesList", "items": [fixed | {"name": name} for name in names]}


def users_list(instance: Instance, types: dict[str, str]) -> Resource:
    """sql#usersList, of the users' types by name."""
    fixed = {"kind": "sql#user", "project": instance.project, "instance": instance.name, "host": ""}
    return {"kind": "sql#usersList", "items": [fixed | {"name": name, "type": kind} for name, kind in types.items()]}


def operation(instance: Instance, kind: str, name: str | None = None) -> Resource:
    """sql#operation. Whatever is asked is done before the answer, so every operation is."""
    now = dt.datetime.now(dt.UTC).isoformat()
    return {
        "kind": "sql#operation",
        "name": name or secrets.token_hex(8),
        "operationType": kind,
        "status": "DONE",
        "targetProject": instance.project,
        "targetId": instance.name,
        "insertTime": now,
        "startTime": now,
        "endTime": now,
    }


def _addresses(instance: Instance) -> list[Resource]:
    return [{"type": "PRIMARY", "ipAddress": instance.address}]


def _authority_resource(instance: Instance, server: Authority) -> Resource:
    return {
        "kind": "sql#sslCert",
        "cert": server.pem,
        "instance": instance.name,
        "commonName": "Google Cloud SQL Server CA",
        "expirationTime": server.certificate.not_valid_after_utc.isoformat(),
    }
