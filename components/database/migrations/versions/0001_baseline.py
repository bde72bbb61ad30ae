"""The registry as it began: the SQL file beside this one, since Alembic's operations know no domains and no triggers."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all that is in the schema `registry`."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
