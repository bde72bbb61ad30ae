"""Read a pinned snapshot from BigQuery as TFX examples: TFRecord splits, deterministic and cached by span."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.cloud import Cloud
from components.columns.column_file import ColumnFile, columns_file
from components.errors import SourceError
from components.examples.encode import TFRecordFile, as_in_examples, encode_examples
from components.examples.keys import buckets_of, key_hashes, keys_file
from components.examples.rows import stream_rows
from components.examples.span_cache import SPLITS, LabelNumbers, SpanCache, SplitCount, counts_from_json, counts_to_json, sum_numbers
from components.examples.span_profile import SpanProfiler, labels_of
from components.files import private_folder
from components.model.folder import Model
from components.model.sections import Split
from components.profiles.file import read_profiles, write_profiles
from components.profiles.profile import ColumnProfile, ProfileKey
from components.settings import Settings
from components.snapshot.document import Snapshot
from components.snapshot.window import span_history_start, span_label_end

ENCODING = "tf.train.Example 4, profile 4, keys 1, columns 1"
"""Change it when the same rows would give other bytes: spans that are cached already are then not used."""
PROFILE = "profile.parquet"


def read_examples(
    cloud: Cloud,
    model: Model,
    snapshot: Snapshot,
    folder: Path,
) -> tuple[SplitCount, ...]:
    """Write `folder`/Split-SPLIT/data_tfrecord-SPAN.gz for every span and split, and return their counts.

    The spans that are held out are in the split `newest` alone, as data_tfrecord-train-SPAN.gz and data_tfrecord-eval-SPAN.gz. Beside each
    file of examples lie one with the keys of its rows (keys.py) and one with its columns (column_file.py). Only spans that are not in the
    cache are read from BigQuery.

    Raises:
        SourceError: a row cannot be trained on, a span is empty, or a split lacks a label or has one number alone.
        AccessError: BigQuery refuses or does not answer.
    """
    cache = _cache(cloud.settings, model)
    fingerprints = {span: examples_fingerprint(model, snapshot, span) for span in snapshot.spans}
    with cache.only_writer():
        for fingerprint in fingerprints.values():
            cache.drop_damaged(fingerprint)
        missing = {span: fingerprint for span, fingerprint in fingerprints.items() if cache.counts(fingerprint) is None}
        if missing:
            _write_spans(stream_rows(cloud, model, snapshot, tuple(missing)), model, cache, missing)
    held_out = _held_out_spans(model, snapshot)
    counts = tuple(count for span in snapshot.spans for count in _counts(cache, fingerprints[span], model, span, span in held_out))
    _check_counts(model, counts)
    for split in Split:
        (folder / f"Split-{split}").mkdir(parents=True, exist_ok=True)
    for span in sorted({count.span for count in counts}):  # not those of closed days, which may have no rows
        for bucket in SPLITS:
            split, name = (Split.NEWEST, f"data_tfrecord-{bucket}") if span in held_out else (bucket, "data_tfrecord")
            file = folder / f"Split-{split}" / f"{name}-{span:%Y%m%d}.gz"
            for kind, place in (("tfrecord.gz", file), ("keys.npy", keys_file(file)), ("arrow", columns_file(file))):
                place.parent.mkdir(exist_ok=True)
                cache.link(fingerprints[span], f"{bucket}.{kind}", place)
    return counts


def _held_out_spans(model: Model, snapshot: Snapshot) -> tuple[date, ...]:
    """The spans of a snapshot that the model is not trained on."""
    return snapshot.spans[len(snapshot.spans) - model.newest_spans :]


def read_span_profiles(settings: Settings, model: Model, snapshot: Snapshot) -> dict[ProfileKey, dict[str, ColumnProfile]]:
    """The profiles of every span's rows, taken when `read_examples` read them."""
    cache = _cache(settings, model)
    files = (cache.file(examples_fingerprint(model, snapshot, span), PROFILE) for span in snapshot.spans)
    return {part: table for file in files for part, table in read_profiles(file).items()}


def _cache(settings: Settings, model: Model) -> SpanCache:
    private_folder(settings.caches)
    return SpanCache(settings.caches / "examples" / model.name)


def examples_fingerprint(model: Model, snapshot: Snapshot, span: date) -> str:
    """A fingerprint of all that a span's examples depend on: examples with the same one are the same."""
    first, last = span_history_start(model, span), span_label_end(model, span)
    rows, split = model.rows, model.split
    recipe = f"{ENCODING} key={rows.key} span={rows.span} label={rows.label}:{','.join(model.label_names)} split={split.train}:{split.eval}"
    if model.checks.cluster:  # their profiles tell how much alike the rows of one are
        recipe += f" cluster={model.checks.cluster}"
    return snapshot.span_fingerprint(span, first=first, last=last, recipe=recipe)


def _counts(cache: SpanCache, fingerprint: str, model: Model, span: date, is_held_out: bool) -> tuple[SplitCount, ...]:
    counts = cache.counts(fingerprint)
    if counts is None and all(model.checks.is_closed(span - timedelta(days=number)) for number in range(model.window.every_days)):
        return ()
    if counts is None:
        raise SourceError(
            f"source.sql of model {model.name!r} gives no rows for span {span}: the window is empty; check the source and --through"
        )
    if is_held_out:
        labels = {name: sum(count.labels[name] for count in counts) for name in model.label_names}
        return (SplitCount(span, Split.NEWEST, labels, sum_numbers(count.numbers for count in counts)),)
    return counts


def _check_counts(model: Model, counts: tuple[SplitCount, ...]) -> None:
    for split in SPLITS:
        labels = {name: sum(count.labels[name] for count in counts if count.split == split) for name in model.label_names}
        rows = sum(labels.values())
        if not rows:
            raise SourceError(f"split '{split}' of model {model.name!r} has no rows: widen the window or change [split] in model.toml")
        missing = [name for name, count in labels.items() if not count]
        if missing:
            raise SourceError(
                f"label {model.rows.label!r} of model {model.name!r} is {missing[0]} in none of the {rows:,} rows of split '{split}': "
                f"a model needs all its classes; check source.sql and --through"
            )
        numbers = sum_numbers(count.numbers for count in counts if count.split == split)
        if numbers and numbers.lowest == numbers.highest:
            raise SourceError(
                f"label {model.rows.label!r} of model {model.name!r} is {numbers.lowest:g} in all {rows:,} rows of split '{split}': "
                f"from one number nothing can be learnt; check source.sql and --through"
            )


def _write_spans(rows: Iterator[tuple[date, pa.RecordBatch]], model: Model, cache: SpanCache, fingerprints: dict[date, str]) -> None:
    for span, batches in groupby(rows, key=itemgetter(0)):
        if span not in fingerprints:
            raise SourceError(f"source.sql of model {model.name!r} gives span {span}, which was not asked for: use @spans")
        folder, profiler = cache.begin(fingerprints[span]), SpanProfiler(model, span, fingerprints[span])
        counts = _write_span(span, (profiler.batch(batch) for _, batch in batches), model, folder)
        write_profiles(profiler.profiles, folder / PROFILE)
        cache.finish(fingerprints[span], counts)


def _write_span(span: date, batches: Iterable[pa.RecordBatch], model: Model, folder: Path) -> tuple[SplitCount, ...]:
    """Write the splits of one span into a folder."""
    counts = {split: np.zeros(len(model.label_names), np.int64) for split in SPLITS}
    numbers: dict[Split, LabelNumbers | None] = dict.fromkeys(SPLITS)
    keys: dict[Split, list[np.ndarray]] = {split: [] for split in SPLITS}
    with ExitStack() as files:
        file = {split: files.enter_context(TFRecordFile(folder / f"{split}.tfrecord.gz")) for split in SPLITS}
        column_file = {split: files.enter_context(ColumnFile(folder / f"{split}.arrow")) for split in SPLITS}
        for batch in batches:
            columns = as_in_examples(batch.drop_columns([model.rows.key, model.rows.span]))
            examples = encode_examples(columns)
            labels, hashes = labels_of(batch, model), key_hashes(batch.column(model.rows.key))
            in_train = buckets_of(hashes, model.split.train + model.split.eval) < model.split.train
            for split, chosen in ((Split.TRAIN, in_train), (Split.EVAL, ~in_train)):
                file[split].write(examples.filter(pa.array(chosen)))
                column_file[split].write(columns.filter(pa.array(chosen)))
                counts[split] += np.bincount(labels[chosen], minlength=len(model.label_names))
                numbers[split] = sum_numbers([numbers[split], _numbers(batch, model, chosen)])
                keys[split].append(hashes[chosen])
    for split, parts in keys.items():
        np.save(folder / f"{split}.keys.npy", np.concatenate(parts))
    return tuple(
        SplitCount(span, split, dict(zip(model.label_names, labels.tolist(), strict=True)), numbers[split])
        for split, labels in counts.items()
    )


def _numbers(batch: pa.RecordBatch, model: Model, chosen: np.ndarray) -> LabelNumbers | None:
    """The labels of the chosen rows, bool [rows]; None where there are none, and where labels are no numbers."""
    if not model.task.is_regression or not chosen.any():
        return None
    labels = np.asarray(batch.column(model.rows.label).cast(pa.float64()))[chosen]
    return LabelNumbers(float(labels.min()), float(labels.max()), float(labels.sum()))


def write_counts(counts: tuple[SplitCount, ...], path: Path) -> None:
    """Write the counts for the report."""
    path.write_text(counts_to_json(counts))


def read_counts(path: Path) -> tuple[SplitCount, ...]:
    """Read what `write_counts` wrote."""
    return counts_from_json(path.read_text())
