"""Jobs in memory, written to the database by the dozen: one write a job, flushed to the disk, would take as long as a small job.

What a crash loses is the record of the last few jobs, never what they did.
"""

import json
import threading

from local_bigquery.engine import database
from local_bigquery.jobs import store as original
from local_bigquery.models import Job

original_load = original.load
original_list = original.list_
original_delete = original.delete

HELD_JOBS = 50
"""Jobs in memory before they are written."""

_held: dict[tuple[str, str], Job] = {}
_flushing = threading.Lock()


def save(job: Job) -> Job:
    """Keep a job's newest state."""
    _held[job.jobReference.projectId, job.jobReference.jobId] = job
    if job.status.state == "DONE" and len(_held) > HELD_JOBS:
        flush()
    return job


def load(project: str, job_id: str) -> Job | None:
    """A job by its id."""
    return _held.get((project, job_id)) or original_load(project, job_id)


def list_(project: str, *conditions: object) -> list[Job]:
    """Jobs that meet the conditions of jobs.list, the newest first."""
    flush()
    return list(original_list(project, *conditions))


def delete(project: str, job_id: str) -> None:
    """Forget a job."""
    flush()
    _held.pop((project, job_id), None)
    original_delete(project, job_id)


def flush() -> None:
    """Write the jobs in memory, and let go of those that are done."""
    with _flushing:
        held = dict(_held)
        if not held:
            return
        rows = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(held))
        database.execute(f"INSERT OR REPLACE INTO emulator.jobs VALUES {rows}", [value for job in held.values() for value in _row(job)])
        for key, job in held.items():
            if job.status.state == "DONE":
                del _held[key]


def _row(job: Job) -> list[object]:
    reference, statistics = job.jobReference, job.statistics
    document = json.dumps(job.dump())
    return [reference.projectId, reference.jobId, statistics.parentJobId, job.status.state, int(statistics.creationTime), document]
