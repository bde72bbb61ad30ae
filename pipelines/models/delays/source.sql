-- One row for each flight that arrived: what was known at its scheduled departure, and whether it arrived more than 15 minutes late.
--
-- {source} is the pinned snapshot of flights.departures. Parameters: @spans (days), @first_partition and @last_partition (the flights
-- that may be read).
SELECT
  flight_date AS day,
  CONCAT(carrier, '-', CAST(flight AS STRING), '-', origin) AS flight_id,
  carrier,
  origin,
  destination,
  scheduled_hour AS hour,
  EXTRACT(DAYOFWEEK FROM flight_date) AS weekday,
  60 * scheduled_hour + scheduled_minute AS minute_of_day,
  CAST(distance AS FLOAT64) AS distance,
  IFNULL(temperature, 55.0) AS temperature,
  IFNULL(wind_speed, 10.0) AS wind_speed,
  IFNULL(precipitation, 0.0) AS precipitation,
  IFNULL(visibility, 10.0) AS visibility,
  IF(arrival_delay > 15, 1, 0) AS late
FROM {source}
WHERE flight_date BETWEEN @first_partition AND @last_partition
  AND flight_date IN UNNEST(@spans)
  AND arrival_delay IS NOT NULL
