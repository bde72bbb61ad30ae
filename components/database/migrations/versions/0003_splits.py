"""An evaluation says on which split it was measured, and a blessing what is to be known of its comparison with the champion."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Evaluations that are there were all of the eval split."""
    op.execute("ALTER TABLE registry.evaluation ADD COLUMN split text NOT NULL DEFAULT 'eval' CHECK (split IN ('train', 'eval', 'newest'))")
    op.execute("ALTER TABLE registry.evaluation DROP CONSTRAINT evaluation_model_version_id_snapshot_id_run_id_config_sha25_key")
    columns = "model_version_id, snapshot_id, run_id, config_sha256, split"
    op.execute(f"ALTER TABLE registry.evaluation ADD CONSTRAINT evaluation_once UNIQUE ({columns})")
    op.execute("ALTER TABLE registry.blessing ADD COLUMN notes jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(notes) = 'array')")
    op.execute("SET LOCAL search_path = registry")
    op.execute("SELECT registry.let_writer_insert()")
