"""How long `perennial watch` takes to look at many models of one table, and what it asks BigQuery. Prints JSON.

First they need nothing; then each waits for a training, since another model is trained.

python -m benchmarks.watch.measure --models 1000, on the emulators that the settings name
"""

import json
import tempfile
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import click
import sqlalchemy as sa
from google.cloud import bigquery

from components.cloud import Cloud
from components.decisions.alarms import read_alarm_facts
from components.model.folder import Model, model_names, read_model
from components.registry.evaluations import record_blessing
from components.registry.versions import register_version
from components.runs.record import RunState, finish_run
from components.settings import read_settings
from components.snapshot.describe import describe_snapshot
from components.snapshot.document import Snapshot
from pipelines.watch.models import watch_once
from pipelines.watch.watcher import TrainingOrder, Watcher
from tests.components.recorded import blessing_of, record_pin, version_of
from tests.components.visits import COLUMNS, DAYS, TOML, day, visits, write_model
from tests.pipelines.watch.trainer import manifest_of, run_of

LAST = TOML.splitlines()[-1] + "\n"
CONTINUOUS = f'{LAST}\n[continuous]\nsettle_days = 0\ncooldown_hours = 0\n\n[continuous.deploy]\nstaging = "at once"\n'


@click.command()
@click.option("--models", type=click.IntRange(1), default=1_000, show_default=True, help="How many.")
def main(models: int) -> None:
    """Write the models and their versions, then look at each three times, and twice more when there is a day more to train on."""
    settings = read_settings()
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(settings.model_copy(update={"models_folder": Path(folder)}))
        asked, table = _count_queries(cloud), _load(cloud)
        for number in range(models):
            write_model(Path(folder), table=table, name=f"m{number:05}_{uuid4().hex[:6]}", toml={LAST: CONTINUOUS})
        names = model_names(Path(folder))
        _train(cloud, [read_model(Path(folder), name) for name in names])
        news: list[str] = []
        watcher = Watcher(cloud, _refuse, lambda _: False, read_alarm_facts, lambda *told: news.append(": ".join(told)))
        passes = [_look(watcher, asked) for _ in range(3)]
        _load_days(cloud, table, DAYS + 1, DAYS + 1)
        crowded = replace(watcher, crowded=lambda _: "another model is trained on this machine, which trains one model at a time")
        waiting = [_look(crowded, asked) for _ in range(2)]
        cloud.warehouse.delete_dataset(table.partition(".")[0], delete_contents=True)
    print(json.dumps({"models": models, "passes": passes, "waiting": waiting, "decisions": len(news), "news": news[:5]}, indent=2))


def _look(watcher: Watcher, asked: Counter[str]) -> dict[str, float]:
    asked.clear()
    begin, used = time.monotonic(), time.process_time()
    is_well = watch_once(watcher, ())
    seconds = {"seconds": time.monotonic() - begin, "processor_seconds": time.process_time() - used}
    return {**seconds, "bigquery_requests": asked.total(), "is_well": is_well}


def _refuse(order: TrainingOrder) -> None:
    raise AssertionError(f"{order.model.name} is trained: {order.reason}")


def _count_queries(cloud: Cloud) -> Counter[str]:
    """Counts the requests that BigQuery's client makes."""
    asked, connection = Counter[str](), cloud.warehouse._connection
    before = connection.api_request

    def api_request(*arguments: object, **options: object) -> object:
        asked[f"{options.get('method')} {options.get('path')}"] += 1
        return before(*arguments, **options)

    connection.api_request = api_request
    return asked


def _load(cloud: Cloud) -> str:
    """Six days of visits in a data set of their own."""
    dataset = f"watch_{uuid4().hex[:8]}"
    cloud.warehouse.create_dataset(dataset)
    table = bigquery.Table(f"{cloud.settings.project}.{dataset}.visits", schema=COLUMNS)
    table.time_partitioning = bigquery.TimePartitioning(field="day")
    cloud.warehouse.create_table(table)
    _load_days(cloud, f"{dataset}.visits", 1, DAYS)
    return f"{dataset}.visits"


def _load_days(cloud: Cloud, table: str, first: int, last: int) -> None:
    rows = [row for number in range(first, last + 1) for row in visits(number)]
    name = f"{cloud.settings.project}.{table}"
    cloud.warehouse.load_table_from_json(rows, name, job_config=bigquery.LoadJobConfig(schema=COLUMNS)).result()


def _train(cloud: Cloud, models: list[Model]) -> None:
    """Record a version of each, as a training would."""
    snapshot, _ = describe_snapshot(cloud, models[0], day(DAYS))
    with cloud.engine.connect() as connection:
        for model in models:
            _record(connection, model, replace(snapshot, model=model.name))
            connection.commit()


def _record(connection: sa.Connection, model: Model, snapshot: Snapshot) -> None:
    through = snapshot.spans[-1] + timedelta(days=1)
    run = run_of(TrainingOrder(model, f"{model.name}-1", through, "person", "to measure a look", force=False))
    record_pin(connection, run, snapshot)
    new = version_of(run, snapshot.snapshot_id, manifest_of(model))
    record_blessing(connection, blessing_of(new, register_version(connection, new)))
    finish_run(connection, run.run_id, RunState.SUCCEEDED)


if __name__ == "__main__":
    main()
