"""The one machine that ZetaSQL runs on in this process, asked by one caller at a time, and the catalogues that it holds."""

import threading
from collections import OrderedDict

import wasmtime
from google.protobuf.message import DecodeError, Message
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto

from bigquery.failures import not_supported
from bigquery.sql.language import language_options
from bigquery.sql.webassembly import Machine, Response

KEPT_CATALOGUES = 64
"""Making one takes longer than analysing a query, most of it for the functions."""

in_use = threading.RLock()
"""Held while the machine works: it has one memory."""
prepared: dict[str, int] = {}
"""The numbers by which the machine knows expressions that it is to evaluate; to be read and changed only while it is in use."""
_machine: Machine | None = None


def ask(method: str, request: Message, response: type[Response]) -> Response:
    """Ask ZetaSQL.

    Raises:
        Refusal: it refuses.
        BigQueryError: it broke down over this request. The next one is answered by a new machine.
    """
    global _machine
    with in_use:
        _machine = _machine or Machine()
        try:
            return _machine.ask(method, request, response)
        except wasmtime.WasmtimeError as error:
            _machine = None
            catalogues.clear()
            prepared.clear()
            raise not_supported("this query: its analyzer broke down over it") from error
        except DecodeError as error:
            raise not_supported("queries that are nested as deeply as this one") from error


class Catalogues:
    """Catalogues that ZetaSQL holds, with the functions of BigQuery in each."""

    def __init__(self) -> None:
        self._ids: OrderedDict[bytes, int] = OrderedDict()

    def id_of(self, key: bytes) -> int:
        """The number that ZetaSQL knows a catalogue by, which is given as bytes."""
        if key not in self._ids:
            self._make_room()
            catalogue = SimpleCatalogProto.FromString(key)
            catalogue.builtin_function_options.language_options.CopyFrom(language_options())
            request = service.RegisterCatalogRequest(simple_catalog=catalogue)
            self._ids[key] = ask("RegisterCatalog", request, service.RegisterResponse).registered_id
        self._ids.move_to_end(key)
        return self._ids[key]

    def clear(self) -> None:
        """Forget them all: the machine that held them is gone."""
        self._ids.clear()

    def _make_room(self) -> None:
        while len(self._ids) >= KEPT_CATALOGUES:
            _, oldest = self._ids.popitem(last=False)
            ask("UnregisterCatalog", service.UnregisterRequest(registered_id=oldest), service.RegisterResponse)


catalogues = Catalogues()
