"""The part of the SQL Admin API that connectors, gcloud and the sqladmin client use."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from identity import tokens

from cloud_sql import permissions, resources
from cloud_sql.authority import Certificates
from cloud_sql.errors import ApiError
from cloud_sql.instance import BUILT_IN, Instance
from cloud_sql.permissions import Policy
from cloud_sql.proxy import identity_uri
from cloud_sql.resources import Resource

ROOTS = ("/sql/v1beta4", "/sql/v1", "/v1")
LOGIN_SCOPE = "https://www.googleapis.com/auth/sqlservice.login"
ADMIN_SCOPES = {"https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/sqlservice.admin"}


@dataclass(frozen=True)
class AdminApi:
    """The control plane of one instance. Its callers authenticate by tokens that `token_key` signed."""

    instance: Instance
    certificates: Certificates
    token_key: bytes
    policy: Policy

    def routes(self) -> list[web.RouteDef]:
        """All of its routes, below each root that a client may use."""
        one = "/instances/{instance:[^/:]+}"
        handlers: list[tuple[str, str, str, Callable[[web.Request], Awaitable[Resource]]]] = [
            ("GET", "/instances", permissions.LIST, self._list_instances),
            ("GET", one, permissions.GET, self._get_instance),
            ("POST", f"{one}/restart", permissions.RESTART, self._restart),
            ("GET", f"{one}/connectSettings", permissions.GET, self._connect_settings),
            ("POST", f"{one}:generateEphemeralCert", permissions.CONNECT, self._generate_certificate),
            ("GET", f"{one}/databases", permissions.LIST_DATABASES, self._list_databases),
            ("POST", f"{one}/databases", permissions.CREATE_DATABASE, self._insert_database),
            ("GET", f"{one}/users", permissions.LIST_USERS, self._list_users),
            ("POST", f"{one}/users", permissions.CREATE_USER, self._insert_user),
            ("PUT", f"{one}/users", permissions.UPDATE_USER, self._update_user),
            ("GET", "/operations/{operation}", permissions.GET, self._get_operation),
        ]
        return [
            web.route(method, f"{root}/projects/{{project}}{path}", self._guarded(handler, permission))
            for root in ROOTS
            for method, path, permission, handler in handlers
        ]

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[Resource]], permission: str
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            identity = self._authenticate(request)
            asked = request.match_info.get("instance", self.instance.name)
            if (request.match_info["project"], asked) != (self.instance.project, self.instance.name):
                raise ApiError(404, "instanceDoesNotExist", "The Cloud SQL instance does not exist.")
            self.policy.require(identity.email, permission, f"instances/{asked}")
            return web.json_response(await handler(request))

        return answer

    def _authenticate(self, request: web.Request) -> tokens.Identity:
        try:
            identity = tokens.verify_header(self.token_key, request.headers.get("Authorization"))
        except tokens.InvalidToken as error:
            message = f"Request had invalid authentication credentials: {error}."
            raise ApiError(401, "authError", message) from error
        if identity.scopes.isdisjoint(ADMIN_SCOPES):
            raise ApiError(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        return identity

    async def _list_instances(self, request: web.Request) -> Resource:
        return {"kind": "sql#instancesList", "items": [await self._get_instance(request)]}

    async def _get_instance(self, _request: web.Request) -> Resource:
        return resources.instance_resource(self.instance, self.certificates.server)

    async def _restart(self, _request: web.Request) -> Resource:
        await asyncio.to_thread(self.instance.postgres.restart)
        return resources.operation(self.instance, "RESTART")

    async def _connect_settings(self, _request: web.Request) -> Resource:
        return resources.connect_settings(self.instance, self.certificates.server)

    async def _generate_certificate(self, request: web.Request) -> Resource:
        body = await request.json()
        email = self._login(str(body["access_token"])) if body.get("access_token") else None
        uri = x509.UniformResourceIdentifier(identity_uri(self.instance.connection_name, email))
        certificate = self.certificates.clients.issue(
            "Google Cloud SQL Client",
            _public_key(str(body.get("public_key"))),
            dt.timedelta(seconds=self.certificates.client_seconds),
            [uri],
        )
        return resources.ephemeral_certificate(self.instance, certificate)

    def _login(self, token: str) -> str:
        try:
            identity = tokens.verify(self.token_key, token)
        except tokens.InvalidToken as error:
            raise ApiError(401, "authError", f"The login token is invalid: {error}.") from error
        if LOGIN_SCOPE not in identity.scopes:
            raise ApiError(403, "insufficientPermissions", f"The login token lacks the scope {LOGIN_SCOPE}.")
        self.policy.require(identity.email, permissions.LOGIN, f"instances/{self.instance.name}")
        return identity.email

    async def _list_databases(self, _request: web.Request) -> Resource:
        return resources.databases_list(self.instance, await asyncio.to_thread(self.instance.databases))

    async def _insert_database(self, request: web.Request) -> Resource:
        body = await request.json()
        await asyncio.to_thread(self.instance.make_database, str(body["name"]))
        return resources.operation(self.instance, "CREATE_DATABASE")

    async def _list_users(self, _request: web.Request) -> Resource:
        return resources.users_list(self.instance, await asyncio.to_thread(self.instance.users))

    async def _insert_user(self, request: web.Request) -> Resource:
        body = await request.json()
        await asyncio.to_thread(self.instance.make_user, str(body["name"]), body.get("type", BUILT_IN), body.get("password"))
        return resources.operation(self.instance, "CREATE_USER")

    async def _update_user(self, request: web.Request) -> Resource:
        body = await request.json()
        await asyncio.to_thread(self.instance.set_password, request.query["name"], str(body["password"]))
        return resources.operation(self.instance, "UPDATE_USER")

    async def _get_operation(self, request: web.Request) -> Resource:
        return resources.operation(self.instance, "UPDATE", request.match_info["operation"])


def _public_key(pem: str) -> rsa.RSAPublicKey:
    try:
        # Go's connector writes RSA PUBLIC KEY over bytes that are a plain PUBLIC KEY.
        key = serialization.load_pem_public_key(pem.replace("RSA PUBLIC", "PUBLIC").encode())
    except ValueError as error:
        raise ApiError(400, "invalid", "Invalid request: public_key is no PEM encoded key.") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise ApiError(400, "invalid", "Invalid request: public_key is no RSA key.")
    return key
