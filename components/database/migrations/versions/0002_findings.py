"""What the gate before training finds."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table `finding`."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
