"""What Kubeflow shows of a recorded version: its number, what it was made of, and the commands about it."""

from pathlib import Path

from components.snapshot.document import Snapshot

SUMMARY = """# {model} version {version}

| | |
|---|---|
| run | `{run_id}` |
| data | `{source}` through {through}, kept as `{table}` |
| snapshot | `{snapshot}` |
| bytes | `{uri}` |

    perennial show {model} {version}
    perennial lineage {model} {version}
    perennial deploy {model} {version} --target TARGET --reason REASON
"""


def write_summary(path: Path, *, version: int, run_id: str, snapshot: Snapshot, uri: str) -> None:
    """Write the summary as Markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        SUMMARY.format(
            model=snapshot.model,
            version=version,
            run_id=run_id,
            source=snapshot.source_table,
            through=snapshot.window.last_partition,
            table=snapshot.snapshot_table,
            snapshot=snapshot.snapshot_id,
            uri=uri,
        )
    )
