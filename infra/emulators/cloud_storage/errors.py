"""Every refusal of the emulator. A class is a status and a reason as Cloud Storage gives them; the text is the message.

ServiceError
├── InvalidError         400
│   └── SignatureError   400 or 403, of a signed URL
├── UnauthorizedError    401
├── ForbiddenError       403
├── NotFoundError        404
├── ConflictError        409
├── ConditionError       412
├── NotModifiedError     304
├── RangeError           416
└── FullError            507
"""

from collections.abc import Mapping
from xml.sax.saxutils import escape

from starlette.responses import JSONResponse, Response


class ServiceError(Exception):
    """Base of all of them."""

    status = 500
    reason = "backendError"
    xml_code = "InternalError"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason or self.reason


class InvalidError(ServiceError):
    """The request makes no sense."""

    status, reason, xml_code = 400, "invalid", "InvalidArgument"


class SignatureError(InvalidError):
    """The URL is signed, but not well, not for this, or not for so long. Only the XML API has such URLs."""

    def __init__(self, code: str, message: str, details: str, *, status: int = 400, parts: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.xml_code = code
        self.status = status
        self.parts = {**(parts or {}), "Details": details}


class UnauthorizedError(ServiceError):
    """The request carries no credentials, or none that are good."""

    status, reason, xml_code = 401, "authError", "AuthenticationRequired"


class ForbiddenError(ServiceError):
    """A hold or a retention policy protects the object."""

    status, reason, xml_code = 403, "forbidden", "AccessDenied"


class NotFoundError(ServiceError):
    """There is no such bucket, object or upload."""

    status, reason, xml_code = 404, "notFound", "NoSuchKey"


class ConflictError(ServiceError):
    """The bucket exists already, or is not empty."""

    status, reason, xml_code = 409, "conflict", "BucketNotEmpty"


class ConditionError(ServiceError):
    """A precondition on the generation or metageneration does not hold."""

    status, reason, xml_code = 412, "conditionNotMet", "PreconditionFailed"


class NotModifiedError(ServiceError):
    """A reader has this generation or metageneration already."""

    status, reason, xml_code = 304, "notModified", "NotModified"


class RangeError(ServiceError):
    """The range begins after the object's end."""

    status, reason, xml_code = 416, "requestedRangeNotSatisfiable", "InvalidRange"


class FullError(ServiceError):
    """The disk has no room. Not a 503: clients would try again for minutes."""

    status, reason, xml_code = 507, "insufficientStorage", "InsufficientStorage"


def json_response(error: ServiceError) -> Response:
    """The error in the JSON API's shape."""
    if error.status == NotModifiedError.status:
        return Response(status_code=error.status)
    message = str(error)
    details = [{"message": message, "domain": "global", "reason": error.reason}]
    return JSONResponse({"error": {"code": error.status, "message": message, "errors": details}}, error.status)


def xml_response(error: ServiceError) -> Response:
    """The error in the XML API's shape."""
    if error.status == NotModifiedError.status:
        return Response(status_code=error.status)
    parts = {"Code": error.xml_code, "Message": str(error), **(error.parts if isinstance(error, SignatureError) else {})}
    elements = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in parts.items())
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error>{elements}</Error>"
    return Response(text, error.status, media_type="application/xml")
