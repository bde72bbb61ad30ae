"""BigQuery's dialect, as ZetaSQL is told it: the features of the language that BigQuery documents, and no others."""

import functools
from importlib.resources import files

from zetasql.wasi._pb2.zetasql.proto.options_pb2 import LanguageOptionsProto
from zetasql.wasi._pb2.zetasql.public import options_pb2

FEATURES = (files("bigquery.sql") / "language_features.txt").read_text().split()
"""Names of ZetaSQL's features, without FEATURE_ (its public/options.proto says what each is). Where it is not certain that BigQuery has
a feature it is among them: what comes of it is refused later as something that the emulator does not support."""


@functools.cache
def language_options() -> LanguageOptionsProto:
    """What ZetaSQL parses and analyses by."""
    return LanguageOptionsProto(
        product_mode=options_pb2.PRODUCT_EXTERNAL,  # FLOAT64 and INT64, not DOUBLE and INT32
        enabled_language_features=[options_pb2.LanguageFeature.Value(f"FEATURE_{name}") for name in FEATURES],
        reserved_keywords=["QUALIFY"],
    )
