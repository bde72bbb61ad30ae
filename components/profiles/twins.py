"""Rows that are there twice, as far as profiles tell: clusters hold pairs of rows that are alike in every column."""

from components.profiles.profile import ColumnProfiles


def rows_twice(table: ColumnProfiles) -> float:
    """The share of rows that have a twin of the same cluster, equal in all columns: less than that of the column with the fewest."""
    twins = [column.twins for column in table.values() if column.pairs]
    rows = max((column.rows for column in table.values()), default=0)
    return min(twins) / rows if twins and rows else 0.0
