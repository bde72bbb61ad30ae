"""Deployments of each model on each target, with what was tested before the switch; and versions that are retired."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change the log of deployments, which no command wrote until now, and add the table of retirements."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
