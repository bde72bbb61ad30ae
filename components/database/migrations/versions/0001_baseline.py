"""The whole schema of the registry: the SQL file beside this one, since Alembic's operations know no domains and no triggers."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything in the schema `registry`, and grant each role its rights. `components.database.membership` has made the roles."""
    sql = Path(__file__).with_suffix(".sql").read_text()
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})  # else the driver looks for them
