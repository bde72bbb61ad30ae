"""The one engine of the registry: a small pool of connections that never hang, survive a fork and come back after a restart."""

import os
import weakref

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.engine import Engine, ExceptionContext

from components.database.dialer import Dialer
from components.database.errors import connection_lost, is_broken_off
from components.errors import AccessError
from components.settings import Settings

RECYCLE_SECONDS = 1800
OVERFLOW = 3


def make_engine(settings: Settings, *, pool_size: int = 2) -> Engine:
    """An engine for the database of the settings. Connects when first used; `with engine.begin() as connection` is a transaction.

    Whoever uses it gets an AccessError that names instance, user and remedy when a connection cannot be opened (after at
    most `connect_timeout_seconds`) or is lost. What PostgreSQL itself refuses stays an error of SQLAlchemy.
    """
    registry.register("postgresql.perennial", "components.database.dialect", "Dialect")
    dialer = Dialer(settings)
    engine = sa.create_engine(
        sa.URL.create("postgresql+perennial", username=settings.database_user),  # a name for errors; the dialer connects
        creator=dialer.connect,
        use_native_hstore=False,  # it asks the database for a type that nobody uses
        pool_size=pool_size,
        max_overflow=OVERFLOW,
        pool_pre_ping=True,
        pool_recycle=RECYCLE_SECONDS,
    )

    @event.listens_for(engine, "handle_error")
    def explain(context: ExceptionContext) -> AccessError | None:
        error = context.original_exception
        if not is_broken_off(error):
            return None
        context.is_disconnect = True  # which SQLAlchemy asks its dialect only for errors of the driver
        return connection_lost(error, settings)

    _start_anew_in_forked_children(engine, dialer)
    weakref.finalize(engine, dialer.close)  # at exit too: an open connector would complain there
    return engine


def _start_anew_in_forked_children(engine: Engine, dialer: Dialer) -> None:
    """A child must not touch the parent's sockets, nor wait for the parent's threads, which it does not have."""
    engine_reference, dialer_reference = weakref.ref(engine), weakref.ref(dialer)

    def start_anew() -> None:
        if (child_dialer := dialer_reference()) is not None:
            child_dialer.forget()
        if (child_engine := engine_reference()) is not None:
            child_engine.dispose(close=False)

    os.register_at_fork(after_in_child=start_anew)
