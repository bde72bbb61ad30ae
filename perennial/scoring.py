"""Load a version as a function from rows to scores."""

import tomllib
from typing import TYPE_CHECKING, Any, Self

from perennial.services import Version, open_cloud, version_number

if TYPE_CHECKING:
    import pandas as pd

    from components.scoring.rows import RowReader
    from components.scoring.scorer import Scorer


INEXACT, MOST = 2.0**53, 2.0**63
"""From the first on, floats are not all whole numbers; from the second on, no column of whole numbers has them."""


class LoadedModel:
    """A version in memory: call it with a DataFrame. As a context manager it gives its memory back at the end."""

    def __init__(
        self,
        model: str,
        version: int,
        scorer: "Scorer",
        reader: "RowReader",
        classes: tuple[str, ...],
        quantiles: tuple[float, ...] = (),
    ) -> None:
        """`load` makes one."""
        self.model, self.version, self.classes = model, version, classes
        self.score_names = classes or tuple(f"{one:g}" for one in quantiles)
        self._scorer, self._reader = scorer, reader

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that it takes: those of source.sql but for the label, the key and the span."""
        return tuple(column.name for column in self._reader.features.signatures.columns)

    def __call__(self, rows: "pd.DataFrame", *, allow_missing: bool = False) -> "pd.Series[float] | pd.DataFrame":
        """Score rows, as `perennial predict` and the prediction service do: the scores of a row have the same bits everywhere.

        Args:
            rows: has the raw columns, before features.py; others are not looked at. A missing value is NaN, None or pd.NA.
            allow_missing: takes a column that `rows` does not have, and may lack, as missing in each row.

        Returns:
            With the index of `rows`: the probability of label 1, or the predicted number; of several classes or quantiles,
            a column for each.

        Raises:
            SourceError: a column is missing, or a value is not what the version's schema allows; the text names row, column and value.
        """
        import pandas as pd

        from components.scoring.prediction import predict_rows, require_columns

        if not allow_missing:
            require_columns(map(str, rows.columns), self._reader.features, "the DataFrame")
        scores = [row["score"] for row in predict_rows(self._scorer, self._reader, _plain_rows(rows, self._reader))]
        if len(self.score_names) > 1:
            return pd.DataFrame(scores, index=rows.index, columns=list(self.score_names), dtype="float32")
        return pd.Series(scores, index=rows.index, name="score", dtype="float32")

    def close(self) -> None:
        """Give the memory back. It cannot be called after that."""
        self._scorer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load(model: str, version: Version = "latest") -> LoadedModel:
    """Load a version: its files are downloaded once, and each is compared with the registry.

    Raises:
        RegistryError: there is no such version, its bytes are others than were pushed, or it does not load.
        AccessError: a service refuses the credentials, or does not answer.
    """
    from components.files import private_files
    from components.serving.loading import open_version, version_folder
    from components.storage.manifest import CODE

    cloud = open_cloud()
    number = version_number(cloud, model, version)
    with private_files():
        folder = version_folder(cloud, model, number)
    scorer, reader = open_version(folder, f"{model} {number}")
    rows = tomllib.loads((folder / CODE / "model.toml").read_text(encoding="utf-8"))["rows"]
    return LoadedModel(model, number, scorer, reader, tuple(rows.get("classes", ())), tuple(rows.get("quantiles", ())))


def _plain_rows(frame: "pd.DataFrame", reader: "RowReader") -> "list[dict[str, object]]":
    """The features of each row as plain values; None where one is missing. What is of another type is for the reader to refuse."""
    kinds = {column.name: column.dtype for column in reader.features.signatures.columns}
    names = [name for name in kinds if name in frame.columns]
    for name in names:
        if (times := list(frame.columns).count(name)) > 1:
            from components.errors import SourceError

            raise SourceError(f"the DataFrame has the column {name!r} {times} times: keep one")
    columns = [_plain_values(frame[name], kinds[name]) for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)] if names else [{} for _ in range(len(frame))]


def _plain_values(values: "pd.Series[Any]", kind: str) -> list[object]:
    """Python's numbers and texts for those of pandas, NumPy and BigQuery: NUMERIC is a float, and BOOL, as a whole number, 0 or 1.

    A whole number that a DataFrame has as a float, because the column lacks some, becomes whole again.

    Raises:
        SourceError: it may have been another whole number before it was a float.
    """
    import pandas as pd

    from components.errors import SourceError
    from components.scoring.prediction import plain_value

    dtype = values.cat.categories.dtype if isinstance(values.dtype, pd.CategoricalDtype) else values.dtype
    was_whole = kind == "int64" and pd.api.types.is_float_dtype(dtype)

    def plain(value: object) -> object:
        value = plain_value(value.tolist() if hasattr(value, "tolist") else value, kind)  # NumPy's have that
        if not (was_whole and isinstance(value, float) and value.is_integer()):
            return value
        if INEXACT <= abs(value) < MOST:
            raise SourceError(f"{values.name} is {value:.0f} as a float, which may have been rounded: give the column as Int64 or int64")
        return int(value)

    listed, missing = values.tolist(), values.isna().tolist()
    return [None if is_missing else plain(value) for value, is_missing in zip(listed, missing, strict=True)]
