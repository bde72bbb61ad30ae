"""A version from Cloud Storage into a session: its bytes compared, its answers to the recorded rows compared, and warm."""

import time
from itertools import cycle, islice
from pathlib import Path

from components.cloud import Cloud
from components.errors import RegistryError
from components.protocol.refusal import Refusal
from components.registry.deployments import read_candidate
from components.registry.publish import published_uri
from components.scoring.allowed import Features, read_features
from components.scoring.rows import RowReader
from components.scoring.scorer import Scorer
from components.serving.metrics import Metrics
from components.storage.download_cache import pulled_folder
from components.training.smoke import SmokeError, largest_difference, read_smoke

WARM_BATCHES = (1, 8, 64, 1024)
"""Rows of the calls before the first request: each shape that comes up is optimised for once."""


def version_folder(cloud: Cloud, model: str, version: int) -> Path:
    """The SavedModel of a version on this machine, each file as the registry's row says.

    Raises:
        RegistryError: there is no such version, or its bytes are others.
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    with cloud.engine.connect() as connection:
        candidate = read_candidate(connection, model, version)
    published = published_uri(cloud.settings.bucket, model, version)
    return pulled_folder(cloud.storage, cloud.settings, candidate.manifest, published)


def load_version(cloud: Cloud, model: str, version: int, metrics: Metrics) -> tuple[Scorer, RowReader]:
    """A version that is ready to answer.

    Raises:
        RegistryError: there is no such version, its bytes are others, it does not load, or it answers otherwise than when it was trained.
        AccessError: Cloud Storage or Cloud SQL cannot be reached, or refuses the credentials.
    """
    scorer, reader = open_version(folder := version_folder(cloud, model, version), f"{model} {version}")
    started = time.perf_counter()
    try:
        _warm_up(scorer, folder, f"{model} {version}")
    except BaseException:
        scorer.close()
        raise
    metrics.time("model_warmup_latency", time.perf_counter() - started, f"{model}/{version}", "OK")
    return scorer, reader


def open_version(folder: Path, what: str) -> tuple[Scorer, RowReader]:
    """The SavedModel in a folder, which holds `what`, and how its rows are read.

    Raises:
        RegistryError: it does not load.
    """
    scorer = Scorer(folder, what)
    try:
        return scorer, RowReader(read_features(folder, scorer.columns, what), what)
    except BaseException:
        scorer.close()
        raise


def _warm_up(scorer: Scorer, folder: Path, what: str) -> None:
    """Ask the recorded rows, and hold the answers against the recorded ones."""
    recorded = read_smoke(folder, what)
    if not recorded.rows:
        return
    reader = RowReader(Features(scorer.columns), what)  # whatever the schema says of them, the recorded rows were answered
    try:
        rows = reader.from_examples(recorded.rows)
        largest_difference(recorded.values, scorer.score(rows.packed), "in the prediction service")
        for count in WARM_BATCHES:
            scorer.score(reader.from_examples(list(islice(cycle(recorded.rows), count))).packed)
    except (Refusal, SmokeError) as error:
        raise RegistryError(f"{what} {error}: it is not served; deploy another version") from error
