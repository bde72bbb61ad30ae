"""What can go wrong in the emulator, and how each is told to the one who asked."""


class StartError(Exception):
    """The emulator cannot start. The text is one sentence for a person; the process ends with exit code 1."""


class ApiError(Exception):
    """A request of the Admin API is refused, in the JSON shape of Google's services."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "error": {"code": status, "message": message, "errors": [{"message": message, "domain": "global", "reason": reason}]},
        }


class GrantError(Exception):
    """The token endpoint refuses a grant, in the JSON shape of OAuth 2 (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}
