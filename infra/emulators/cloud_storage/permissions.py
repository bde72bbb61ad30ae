"""Which permission a request needs, and the refusal of whoever has not got it, in Cloud Storage's words.

https://cloud.google.com/storage/docs/access-control/iam-json and …/iam-xml
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass

from identity.policy import Policy
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud_storage.errors import ForbiddenError, ServiceError, json_response, xml_response

JSON_PATHS = ("/storage/", "/upload/", "/download/", "/resumable/", "/batch/", "/_emulator/")
BUCKET = "/storage/v1/b/([^/]+)"
NO_API = "(?!(?:storage|upload|download|resumable|batch|_emulator)/)"
READ = {"GET": "storage.objects.get", "HEAD": "storage.objects.get"}
CREATE = dict.fromkeys(("POST", "PUT"), "storage.objects.create")
CHANGE = {
    "PATCH": "storage.objects.update",
    "PUT": "storage.objects.update",
    "DELETE": "storage.objects.delete",
}
PERMISSIONS: tuple[tuple[re.Pattern[str], dict[str, str]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), methods)
    for pattern, methods in (
        ("/storage/v1/b", {"GET": "storage.buckets.list", "POST": "storage.buckets.create"}),
        (f"{BUCKET}/iam", {"GET": "storage.buckets.getIamPolicy", "PUT": "storage.buckets.setIamPolicy"}),
        (f"{BUCKET}/iam/testPermissions", {}),
        (f"{BUCKET}/storageLayout", {"GET": "storage.objects.list"}),
        (
            BUCKET,
            {"GET": "storage.buckets.get", **dict.fromkeys(("PATCH", "PUT"), "storage.buckets.update"), "DELETE": "storage.buckets.delete"},
        ),
        (f"{BUCKET}/o", {"GET": "storage.objects.list"}),
        (f"{BUCKET}/o/.+/compose", {"POST": "storage.objects.create storage.objects.get"}),
        (f"{BUCKET}/o/.+/restore", {"POST": "storage.objects.restore"}),
        (f"{BUCKET}/o/.+/moveTo/o/.+", {"POST": "storage.objects.move"}),
        (f"{BUCKET}/o/.+/(?:copyTo|rewriteTo)/b/([^/]+)/o/.+", {"POST": "storage.objects.get storage.objects.create"}),
        (f"(?:/download)?{BUCKET}/o/.+", READ | CHANGE),
        (f"(?:/resumable)?/upload{BUCKET}/o", CREATE),
        (f"/{NO_API}([^/]+)", {"GET": "storage.objects.list"}),
        (f"/{NO_API}([^/]+)/.+", READ | CREATE | {"DELETE": "storage.objects.delete"}),
    )
)
"""The permissions for a path, by method; the second one is of the second bucket in the path."""


@dataclass(frozen=True)
class Access:
    """Who asks, and what he is granted."""

    policy: Policy
    email: str

    def refuse_without(self, permission: str, bucket: str) -> None:
        """Let an account pass that has a permission.

        Raises:
            ForbiddenError: it has not.
        """
        try:
            permitted = self.policy.permits(self.email, permission, f"buckets/{bucket}")
        except ValueError as error:
            raise ForbiddenError(str(error)) from error
        if not permitted:
            what = "bucket" if permission.startswith("storage.buckets.") else "object"
            raise ForbiddenError(
                f"{self.email} does not have {permission} access to the Google Cloud Storage {what}. "
                f"Permission '{permission}' denied on resource (or it may not exist)."
            )


access: ContextVar[Access | None] = ContextVar("access", default=None)
"""Of the request that is answered; None where nobody is asked who he is."""


def refuse_without(permission: str, bucket: str) -> None:
    """Let whoever asks pass if he has a permission.

    Raises:
        ForbiddenError: he has not.
    """
    asking = access.get()
    if asking is not None:
        asking.refuse_without(permission, bucket)


def is_permitted(permission: str, bucket: str) -> bool:
    """Whether whoever asks has a permission."""
    try:
        refuse_without(permission, bucket)
    except ForbiddenError:
        return False
    return True


class Permissions:
    """An application in front of another, which sees only requests of those who may make them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        try:
            if scope["type"] == "http":
                _check(scope["method"], scope["path"])
        except ForbiddenError as error:
            await refuse(error, scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _check(method: str, path: str) -> None:
    for pattern, methods in PERMISSIONS:
        found = pattern.fullmatch(path)
        if found is not None and (method in methods or not methods):
            buckets = found.groups() or ("",)
            for permission, bucket in zip(methods.get(method, "").split(), [*buckets, buckets[0]], strict=False):
                refuse_without(permission, bucket)
            return


async def refuse(error: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with an error, once its body is read: a client that is still sending would see a broken connection instead."""
    while (await receive()).get("more_body"):
        pass
    response = (json_response if is_json_api(scope["path"]) else xml_response)(error)
    await response(scope, receive, send)


def is_json_api(path: str) -> bool:
    """Whether a path belongs to the JSON API; all others are buckets of the XML API."""
    return path.startswith(JSON_PATHS)
