"""A version's model card as Markdown, with the metadata that Hugging Face reads before it."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components import wording
from components.evaluation.metric import Metric
from components.export.card import data_sentence, moment, provenance
from components.export.exported_version import Exported

TEMPLATES = Path(__file__).parent / "templates"
SPECIAL = re.compile(r"[\\`*\[\]<#|&~$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.")
"""What means something to Markdown inside a line, and to GitHub's and Hugging Face's addresses, mentions and mathematics."""
BEGINNING = re.compile(r"^([-+=>]|\d{1,9}(?=[.)](\s|$)))")
"""What means something at the beginning of a line, a list's point or a table's cell."""
HEADINGS = {
    "users": "Intended users",
    "use_cases": "Intended uses",
    "limitations": "Limitations",
    "tradeoffs": "Trade-offs",
    "risks": "Risks",
}
IN_YAML = re.compile(r"[<>&\[\]`]")
"""What would be markup to a reader of Markdown that knows no metadata: written as escapes."""
HUB_TASKS = {True: "tabular-regression", False: "tabular-classification"}
"""By whether numbers are predicted, as Hugging Face names them."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc] # has no types
    """Writes texts between double quotes where something in them is to be escaped."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Write a text, between double quotes where something in it is to be escaped."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"' if IN_YAML.search(data) else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def card_text(exported: Exported) -> str:
    """The card. The same facts give the same bytes."""
    story, words = exported.story, exported.words
    lists = {name: list(getattr(words, name)) for name in HEADINGS}
    lists["risks"] = [f"{risk.name}: {risk.mitigation}" if risk.mitigation else risk.name for risk in words.risks]
    text = (
        _environment()
        .get_template("model_card.md")
        .render(
            exported=exported,
            story=story,
            run=story.run.run,
            words=words,
            metadata=Markup(_metadata(exported)),  # noqa: S704 - YAML has quoted what needs it
            stated=[(HEADINGS[name], texts) for name, texts in lists.items() if texts],
            unstated=[heading.lower() for name, heading in HEADINGS.items() if not lists[name]],
            data=data_sentence(exported),
            provenance=provenance(exported),
            signature=list(_signature(story.signature or {})),
            signature_name=(story.signature or {}).get("name", "serving_default"),
        )
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _environment() -> Environment:
    """`finalize` sees each value on its way into the text, so no template can forget to escape one."""
    environment = Environment(  # noqa: S701 - the text is Markdown
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, finalize=_escaped, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"score": wording.score, "number": wording.number}
    environment.globals |= {
        "code": _code,
        "raw": _raw,
        "text": _escaped,
        "moment": moment,
        "where": wording.slice_text,
        "interval": _interval,
    }
    return environment


def _escaped(value: object) -> Markup:
    """A value as one line in which Markdown and HTML find nothing but text. What is escaped already stays what it is."""
    if isinstance(value, Markup):
        return value
    line = " ".join(wording.legible(re.sub(r"\s+", " ", str(value))).split())
    return Markup(BEGINNING.sub(_behind_a_backslash, SPECIAL.sub(r"\\\g<0>", line)))  # noqa: S704 - that is what it does


def _behind_a_backslash(beginning: re.Match[str]) -> str:
    """A number is no list where its full stop is escaped; of itself it cannot be."""
    return f"{beginning[0]}\\" if beginning[0].isdigit() else f"\\{beginning[0]}"


def _code(value: str) -> Markup:
    """A value between backticks, more of them than it has itself; the stroke, which ends a table's cell in code too, is escaped."""
    line = wording.legible(value).replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    inside = f" {line} " if line.startswith("`") or line.endswith("`") else line
    return Markup(f"{fence}{inside}{fence}")  # noqa: S704


def _raw(value: str) -> Markup:
    """A value in a block of code: none of ours has a line break, a quotation mark or a backtick."""
    return Markup(re.sub(r"[^\w.:/-]", "", value))  # noqa: S704


def _interval(metric: Metric) -> str:
    """The bounds of a metric, where they are known."""
    if metric.ci_low is None or metric.ci_high is None:
        return wording.ABSENT
    return f"{wording.score(metric.ci_low)} to {wording.score(metric.ci_high)}"


def _signature(signature: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    for side, name in (("input", "inputs"), ("output", "outputs")):
        values = signature.get(name)
        if isinstance(values, Mapping):
            yield from ((side, str(key), str(value)) for key, value in values.items())


def _metadata(exported: Exported) -> str:
    """The YAML at the top, as Hugging Face specifies it. A metric that is no number has no place in it."""
    story, words = exported.story, exported.words
    evaluation = exported.story.own_evaluation
    results = [_result(exported, metric) for metric in evaluation.metrics if math.isfinite(metric.value)] if evaluation else []
    values: dict[str, object] = {
        "model_name": f"{story.model} {story.number}",
        "library_name": story.framework,
        "pipeline_tag": HUB_TASKS[exported.model.task.is_regression],
        "tags": ["perennial", exported.model.task_name.replace("_", "-")],
    }
    if words.licence:
        values["license"] = words.licence.lower()
    if results:
        values["model-index"] = [{"name": story.model, "results": results}]
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, width=1_000_000)
    return IN_YAML.sub(lambda found: f"\\x{ord(found[0]):02x}", text).rstrip()


def _result(exported: Exported, metric: Metric) -> dict[str, object]:
    snapshot = exported.story.snapshot
    dataset: dict[str, object] = {"type": "bigquery", "name": snapshot.source_table, "split": "eval", "revision": snapshot.snapshot_id}
    if metric.slice:
        dataset["args"] = dict(sorted(metric.slice.items()))
    return {
        "task": {"type": HUB_TASKS[exported.model.task.is_regression], "name": exported.model.title},
        "dataset": dataset,
        "metrics": [{"type": metric.name, "value": metric.value}],
    }
