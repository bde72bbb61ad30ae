-- What keeps the rows of days of a view. It appears whole.
CREATE TABLE {copy}
PARTITION BY {partition}
OPTIONS (expiration_timestamp = TIMESTAMP '{expires}')
AS SELECT * FROM {view} WHERE {condition}
