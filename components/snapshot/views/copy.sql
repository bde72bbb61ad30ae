-- What keeps the rows of days of a view. It appears whole. No partition of it expires by itself, whatever the dataset's default is.
CREATE TABLE {copy}
PARTITION BY {partition}
OPTIONS (expiration_timestamp = TIMESTAMP '{expires}', partition_expiration_days = NULL)
AS SELECT * FROM {view} WHERE {condition}
