"""A version as a model card in the JSON format of Google's Model Card Toolkit: schema 0.0.2, as published with version 2.0.0.

The schema lets other fields in, but the toolkit's own reader refuses them, so what the format has no field for stands as text in
`model_details.documentation`. What nobody stated is left out. Numbers are text, as the schema wants them.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from components.evaluation.metric import Metric, slice_key
from components.export.exported_version import Exported
from components.model.sections import Split
from components.wording import legible

SCHEMA_VERSION = "0.0.2"
MARKUP = "<>&"
"""Characters that are written as escapes, so that the text can stand in a page as it is."""

Json = dict[str, object]


def card_json(exported: Exported) -> str:
    """The card's text. The same facts give the same bytes."""
    sections = {
        "model_details": _details(exported),
        "model_parameters": _parameters(exported),
        "quantitative_analysis": _analysis(exported),
        "considerations": _considerations(exported),
    }
    card = {"schema_version": SCHEMA_VERSION, **{name: filled for name, section in sections.items() if (filled := _filled(section))}}
    text = json.dumps(card, indent=2, allow_nan=False)
    return "".join(f"\\u{ord(character):04x}" if character in MARKUP else character for character in text) + "\n"


def _filled(section: Mapping[str, object]) -> Json:
    """Leave out what is empty: the format has no other way to say that something is not stated."""
    return {name: value for name, value in section.items() if value not in (None, "", [], {})}


def _details(exported: Exported) -> Json:
    story, words = exported.story, exported.words
    return {
        "name": exported.model.name,
        "overview": words.overview or exported.model.title,
        "documentation": "\n".join(f"{label}: {legible(text)}" for label, text in _lines(exported)),
        "owners": [_filled({"name": exported.model.owner, "contact": words.contact})],
        "version": {"name": str(story.number), "date": f"{story.created_at.astimezone(UTC):%Y-%m-%d}"},
        "licenses": [{"identifier": words.licence}] if words.licence else [],
        "references": [{"reference": address} for address in words.references],
        "citations": [{"citation": citation} for citation in words.citations],
        "path": story.manifest.uri,
    }


def _parameters(exported: Exported) -> Json:
    story, words = exported.story, exported.words
    others = [
        _filled(
            {
                "name": origin.name,
                "link": origin.link,
                "description": f"licence: {origin.licence}" if origin.licence else None,
                "sensitive": {"sensitive_data": list(origin.sensitive)} if origin.sensitive else None,
            }
        )
        for origin in words.data
    ]
    return {
        "model_architecture": f"{story.framework} SavedModel; network.py is in it, under assets.extra/model",
        "data": [{"name": story.snapshot.source_table, "description": data_sentence(exported)}, *others],
        "input_format_map": _pairs(story.signature, "inputs"),
        "output_format_map": _pairs(story.signature, "outputs"),
    }


def _pairs(signature: Mapping[str, object] | None, side: str) -> list[Json]:
    values = (signature or {}).get(side)
    return [{"key": str(key), "value": str(value)} for key, value in values.items()] if isinstance(values, Mapping) else []


def _analysis(exported: Exported) -> Json:
    found = [one for split in (Split.EVAL, Split.NEWEST, Split.TRAIN) if (one := exported.story.own_evaluation_of(split))]
    return {"performance_metrics": [_metric(one.split, metric) for one in found for metric in one.metrics]}


def _metric(split: str, metric: Metric) -> Json:
    bounds = {"lower_bound": metric.ci_low, "upper_bound": metric.ci_high}
    known = {name: repr(bound) for name, bound in bounds.items() if bound is not None}
    kind = metric.name if split == Split.EVAL else f"{metric.name} ({split})"
    return _filled({"type": kind, "value": repr(metric.value), "slice": slice_key(metric.slice), "confidence_interval": known})


def _considerations(exported: Exported) -> Json:
    words = exported.words
    lists = {name: [{"description": text} for text in getattr(words, name)] for name in ("users", "use_cases", "limitations", "tradeoffs")}
    risks = [_filled({"name": risk.name, "mitigation_strategy": risk.mitigation}) for risk in words.risks]
    return {**lists, "ethical_considerations": risks}


def data_sentence(exported: Exported) -> str:
    """What the version was trained and judged on."""
    snapshot = exported.story.snapshot
    last = snapshot.partition_to - timedelta(days=1)
    return (
        f"partitions {snapshot.partition_from} to {last} by {snapshot.partition_field}, {snapshot.row_count:,} rows, kept as "
        f"{snapshot.snapshot_table}; snapshot {snapshot.snapshot_id}"
    )


def provenance(exported: Exported) -> dict[str, str]:
    """What made the version, for a person: text by label."""
    story, run = exported.story, exported.story.run.run
    return {
        "run": f"{run.run_id} ({run.trigger}: {run.reason})",
        "commit": run.commit or "not run from a repository",
        "model folder": f"SHA-256 {story.code_sha256}",
        "training": f"SHA-256 {story.training_sha256} of data, model folder and environment: the same give the same weights",
        "environment": run.environment_digest,
        "image": run.image_digest or "none: not run in a container",
        "packages": ", ".join(f"{name} {version}" for name, version in run.main_packages.items()),
        "content": f"SHA-256 {story.manifest.sha256} of the list of files",
    }


def _lines(exported: Exported) -> Iterator[tuple[str, str]]:
    """The lines for which the format has no field."""
    yield "title", exported.model.title
    yield "made", moment(exported.story.created_at)
    yield from (("marked", sentence) for sentence in exported.story.marks.sentences)
    yield from provenance(exported).items()
    for blessing in exported.story.blessings:
        verdict = "may be deployed" if blessing.blessed else "may not be deployed"
        yield f"verdict of run {blessing.run_id}", f"{verdict}, says {blessing.decided_by}"
        for note in blessing.notes:
            yield "champion", note
        for check in blessing.checks:
            kept, of = "kept" if check.passed else "broken", "" if check.split == Split.EVAL else f" on the {check.split} spans"
            champion = "" if check.baseline is None else f", the champion's is {check.baseline}"
            yield f"rule {kept}", f"{check.metric} {slice_key(check.slice)}{of} {check.rule}, is {check.value}{champion}".replace("  ", " ")
    yield "live on", ", ".join(exported.story.live_on) or "no target"
    for event in reversed(exported.story.deployments):
        yield f"{event.action} to {event.target}", f"{moment(event.created_at)} by {event.actor}: {event.reason}"
    if retired := exported.story.retirement:
        yield "retired", f"{moment(retired.created_at)} by {retired.actor}: {retired.reason}"
    for entry in exported.story.manifest.entries:
        yield f"file {entry.path}", f"{entry.size:,} bytes, SHA-256 {entry.sha256}"


def moment(when: datetime) -> str:
    """2026-02-19 04:05:06 UTC"""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
