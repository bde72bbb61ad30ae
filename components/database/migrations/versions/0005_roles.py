"""Three roles for those who change the schema, who write and who read; rules that were only hoped for; an index for every reference."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Grant what each role may do, now and in later migrations. `components.database.ownership` has made the roles."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
