"""What two trainings of one version are compared by: the SHA-256 of its examples, and the kind of machine that fitted it."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns. Versions that are there already have none."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
