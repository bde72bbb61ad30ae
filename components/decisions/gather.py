"""Gather the facts about a model that its policy decides by. What cannot be read is a fact, too: it has a sentence."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import sqlalchemy as sa

from components.cloud import Cloud
from components.decisions.code_change import code_fact
from components.decisions.rewritten import PinnedVersion, Rewriting, find_rewritten
from components.decisions.sizes import PartitionSizes, read_partition_sizes, training_bytes
from components.decisions.standing import Standing, Trained, read_standings
from components.deployment.rollouts import open_rollouts
from components.errors import SourceError
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model
from components.policy.facts import AlarmFact, CodeFact, Facts, RunFact, SourceFact
from components.snapshot.window import resolve_window

ReadAlarms = Callable[[sa.Connection, str], tuple[AlarmFact, ...]]


@dataclass
class Sources:
    """What one pass has read of source tables: each is asked once, however many models it has."""

    sizes: dict[tuple[str, str], PartitionSizes | SourceError] = field(default_factory=dict)
    """By table, and by the column that tells the day of a row: two models may read days of a view by two of them."""
    keeps: bool = True
    """Whether the registry is to remember what was read of partitions that were written again."""

    def begin_pass(self) -> None:
        """Forget how large the tables were."""
        self.sizes.clear()

    def of(self, cloud: Cloud, model: Model) -> PartitionSizes:
        """The partitions of a model's source."""
        table = model.source.table, model.source.partition_field
        if table not in self.sizes:
            try:
                self.sizes[table] = read_partition_sizes(cloud, model)
            except SourceError as error:
                self.sizes[table] = error
        found = self.sizes[table]
        if isinstance(found, SourceError):
            raise found
        return found


def gather_facts(cloud: Cloud, model: Model, policy: ContinuousSection, sources: Sources, read_alarms: ReadAlarms) -> Facts:
    """The facts about a model.

    Raises:
        AccessError: a service refuses or does not answer: nothing is decided then.
        RegistryError: what the registry has contradicts itself.
    """
    return facts_of(cloud, model, policy, sources, stand(cloud, model, read_alarms))


def stand(cloud: Cloud, model: Model, read_alarms: ReadAlarms) -> Standing:
    """How a model stands, and which alarms about it are open, as far as the registry tells.

    Raises:
        AccessError: the registry does not answer.
        RegistryError: what it has contradicts itself.
    """
    with cloud.engine.connect() as connection:
        standing = read_standings(connection, [model.name])[model.name]
        alarms, rollouts = read_alarms(connection, model.name), open_rollouts(connection, model.name)
    steps = (f"version {one.version}, which is {one.step.words} for {one.target}, is live or held" for one in rollouts)
    delay = model.rows.label_delay_days
    return replace(standing, facts=replace(standing.facts, alarms=alarms, rolling_out=next(steps, ""), label_delay_days=delay))


def facts_of(cloud: Cloud, model: Model, policy: ContinuousSection, sources: Sources, standing: Standing) -> Facts:
    """The facts about a model of which it is known how it stands.

    Raises:
        AccessError: a service refuses or does not answer: nothing is decided then.
        RegistryError: what the registry has contradicts itself.
    """
    ageing, trained = standing.ageing.get(model.task.decisive_metrics[0]), standing.trained
    facts = replace(standing.facts, ageing=ageing, label_delay_days=model.rows.label_delay_days)
    code = CodeFact("")
    if trained is not None:
        code = code_fact(
            policy,
            model,
            cloud.storage,
            version=trained.version,
            manifest=trained.manifest,
            environment=trained.environment_digest,
            components=trained.pipeline_version,
        )
    try:
        facts = replace(facts, code=code, source=_source(cloud, model, policy, sources, trained, facts.refused))
    except SourceError as error:
        return replace(facts, code=code, source_error=str(error))
    return facts


def gather_cost(cloud: Cloud, model: Model, facts: Facts, sources: Sources) -> Facts:
    """The facts with what a training would read of BigQuery. What it refuses is a fact, too: it has a sentence.

    Raises:
        AccessError: BigQuery refuses the credentials, or does not answer: nothing is decided then.
    """
    if facts.source is None:
        return facts
    try:
        return replace(facts, training_bytes=training_bytes(cloud, model, facts.source.through, sources.of(cloud, model).history))
    except SourceError as error:
        return replace(facts, dry_run_error=str(error))


def _source(
    cloud: Cloud, model: Model, policy: ContinuousSection, sources: Sources, trained: Trained | None, refused: RunFact | None
) -> SourceFact:
    """The source as it is now, by what BigQuery knows of its partitions; rows are read only of those that were written again.

    Raises:
        SourceError: there is nothing to train on.
    """
    sizes = sources.of(cloud, model)
    history = sizes.history
    through = history.last - timedelta(days=policy.settle_days)
    window = resolve_window(model, through, first=history.first, last=history.latest)
    before = trained.source.pinned.partitions[-1].day if trained else date.min
    rewriting = _rewritten(cloud, model, sizes, trained.source, keep=sources.keeps) if trained else Rewriting()
    known = min(window.last_partition, refused.through) if refused and refused.through else window.last_partition
    return SourceFact(
        newest=history.last,
        through=through,
        span=window.spans[-1],
        labelled_through=window.last_partition,
        new_rows=sizes.rows_between(before, window.last_partition),
        rewritten=rewriting.days,
        rewritten_id=rewriting.rewriting_id,
        written_at=sizes.written_at(window.first_partition, known),
    )


def _rewritten(cloud: Cloud, model: Model, sizes: PartitionSizes, trained: PinnedVersion, *, keep: bool) -> Rewriting:
    """Nothing of another table, or of other days, than the model has now: its days were not rewritten, and the code has changed."""
    pinned, source = trained.pinned, model.source
    if (pinned.source_table, pinned.partition_field) != (f"{cloud.settings.project}.{source.table}", source.partition_field):
        return Rewriting()
    return find_rewritten(cloud, sizes, trained, keep=keep)
