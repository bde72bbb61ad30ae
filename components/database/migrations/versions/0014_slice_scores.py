"""Days keep how scores are distributed in slices, too, from which metrics are estimated before labels come."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the column. Days that were measured before have no slices, and no estimates of them."""
    sql = Path(__file__).with_suffix(".sql").read_text()
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
