"""A SavedModel in a session: its graph, its restore operation, tensors by their names. So TensorFlow Serving loads and asks it.

Python's loader goes by objects instead, and copes with SavedModels that a session cannot run.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from components.training.signatures import OUTPUT

Ask = Callable[[str, Mapping[str, np.ndarray]], np.ndarray]
"""What a signature answers, float32 [rows, scores], on its inputs by name."""
CALLS_PYTHON = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
"""Operations that are no more than the number of a function in the process that made them."""
SHOWN_CHARACTERS = 300
"""Of what TensorFlow says, in a sentence."""
FEATURE = re.compile(r"Feature: [^.\[]*")
"""Where parsing an example fails."""


class SessionError(Exception):
    """A SavedModel does not load in a session, or does not answer."""


@contextmanager
def open_session(folder: Path) -> Iterator[Ask]:
    """The SavedModel in a folder, until the end of the block.

    Raises:
        SessionError: it does not load; and of what is yielded: it has no such signature, or gives no answer.
    """
    import tensorflow as tf

    graph = tf.Graph()
    with closing(tf.compat.v1.Session(graph=graph)) as session:
        try:
            with graph.as_default(), _no_warnings(tf.get_logger()):  # that whoever writes Python should load otherwise
                loaded = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], str(folder))
        except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
            raise SessionError(said(error)) from error
        if called := _called_in_python(loaded.graph_def):
            raise SessionError(f"it calls a function of Python, by {called}, which no file can hold")

        def ask(signature: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
            if signature not in loaded.signature_def:
                raise SessionError(f"it has no signature {signature}")
            found = loaded.signature_def[signature]
            if inputs.keys() != found.inputs.keys():
                raise SessionError(f"signature {signature} takes {', '.join(sorted(found.inputs))}, not {', '.join(sorted(inputs))}")
            try:
                answer: np.ndarray = session.run(
                    found.outputs[OUTPUT].name, {found.inputs[name].name: value for name, value in inputs.items()}
                )
            except (ValueError, tf.errors.OpError) as error:
                raise SessionError(f"signature {signature}: {said(error)}") from error
            return answer

        yield ask


def said(error: Exception) -> str:
    """What matters of TensorFlow's many lines: the feature that a row lacks, if it is that."""
    text = " ".join(str(error).split())
    feature = FEATURE.search(text)
    return feature[0] if feature else f"{type(error).__name__}: {text[:SHOWN_CHARACTERS]}"


@contextmanager
def _no_warnings(log: logging.Logger) -> Iterator[None]:
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _called_in_python(graph: Any) -> str | None:
    functions = (node for function in graph.library.function for node in function.node_def)
    return next((node.op for node in (*graph.node, *functions) if node.op in CALLS_PYTHON), None)
