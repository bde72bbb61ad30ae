-- Whether a flight arrived more than 15 minutes late, as soon as it has arrived.
--
-- {source} is the table flights.departures as it is now. Parameters: @spans (days of predictions), @first_partition and @last_partition
-- (the flights that may be read).
SELECT
  flight_date AS day,
  CONCAT(carrier, '-', CAST(flight AS STRING), '-', origin) AS flight_id,
  IF(arrival_delay > 15, 1, 0) AS late
FROM {source}
WHERE flight_date BETWEEN @first_partition AND @last_partition
  AND flight_date IN UNNEST(@spans)
  AND arrival_delay IS NOT NULL
