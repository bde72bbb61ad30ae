"""A shop whose versions grow old."""

from tests.components.conftest import empty_site, reader, warehouse  # noqa: F401
from tests.components.diagnosis.newest.conftest import shop  # noqa: F401
from tests.components.registered import engine, name, new_run, owner_engine  # noqa: F401
