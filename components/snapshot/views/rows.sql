-- Rows of days of a view, of some of its columns.
SELECT {columns} FROM {view} WHERE {condition}
