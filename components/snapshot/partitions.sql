-- How many rows each day has, and a checksum of them that does not depend on their order: XOR and sum together, since
-- XOR alone does not see a row that is there twice. {row} is none of the table's columns: TO_JSON_STRING would take the column.
SELECT
  day,
  COUNT(*) AS row_count,
  BIT_XOR(fingerprint) AS fingerprints_xor,
  SUM(MOD(fingerprint, 1000000007)) AS fingerprints_sum
FROM (
  SELECT {day} AS day, FARM_FINGERPRINT(TO_JSON_STRING({row})) AS fingerprint
  FROM (
    SELECT {columns} FROM {table} {as_of}
    WHERE {condition}
  ) AS {row}
)
GROUP BY 1
ORDER BY 1
