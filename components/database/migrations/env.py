"""Alembic runs this file: it applies the migrations on the connection that `components.database.migration` opened and locked."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=True,
    version_table_schema="registry",
)
with context.begin_transaction():
    context.run_migrations()
