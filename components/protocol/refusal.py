"""An answer that is an error, in the words and with the status of TensorFlow Serving."""

HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Of the canonical codes (model_servers/http_server.cc)."""


class Refusal(Exception):
    """What a request is refused with. `silent`: TensorFlow Serving gives no body."""

    def __init__(self, text: str | bytes, code: str = "INVALID_ARGUMENT", *, silent: bool = False, status: int | None = None) -> None:
        """`status` is given where it is not that of the code."""
        self.text = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        self.code, self.silent = code, silent
        self.status = status or HTTP_STATUS[code]
        super().__init__(self.text.decode(errors="replace"))

    @property
    def reason(self) -> bytes:
        """Code and text, as an error within another one has them."""
        return self.code.encode() + b": " + self.text
