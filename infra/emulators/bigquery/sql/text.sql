-- CAST(value AS BYTES): text as UTF-8, where DuckDB takes it for escapes.
CREATE MACRO bq.main.perennial_bytes(value, cast_by_duckdb) AS
CASE WHEN typeof(value) = 'VARCHAR' THEN encode(CAST(value AS VARCHAR)) ELSE cast_by_duckdb END;

-- How CAST(value AS STRING) shows a value, given how DuckDB does: no zeros at the end of a decimal number, three or six digits of the
-- fraction of a second, and 15 or 17 digits of a floating-point number, whichever are enough.
CREATE MACRO bq.main.perennial_text(value, shown) AS CASE
    WHEN typeof(value) = 'BLOB' THEN decode(CAST(value AS BLOB))
    WHEN typeof(value) LIKE 'DECIMAL%' AND contains(shown, '.') THEN rtrim(rtrim(shown, '0'), '.')
    WHEN typeof(value) IN ('TIMESTAMP', 'TIMESTAMP WITH TIME ZONE', 'TIME') AND contains(shown, '.') THEN replace(
        shown,
        '.' || regexp_extract(shown, '\.(\d+)', 1),
        '.' || rpad(regexp_extract(shown, '\.(\d+)', 1), CASE WHEN length(regexp_extract(shown, '\.(\d+)', 1)) <= 3 THEN 3 ELSE 6 END, '0')
    )
    WHEN shown = '-nan' AND typeof(value) = 'DOUBLE' THEN 'nan'
    WHEN typeof(value) IN ('DOUBLE', 'FLOAT') AND isfinite(TRY_CAST(shown AS DOUBLE)) THEN CASE
        WHEN CAST(shown AS DOUBLE) = 0 THEN '0'
        WHEN CAST(printf('%.15g', CAST(shown AS DOUBLE)) AS DOUBLE) = CAST(shown AS DOUBLE) THEN printf('%.15g', CAST(shown AS DOUBLE))
        ELSE printf('%.17g', CAST(shown AS DOUBLE))
    END
    ELSE shown
END;

-- What follows names its argument as seldom as it can: of calls within calls, the inner one is there as often as that, each time.
-- Yet no lambda takes it, since DuckDB computes none beforehand: a query of days that are computed would read all partitions.

-- Errors are by `_raise` and not by DuckDB's `error`, of which it takes no alias, and TRY nothing.

-- Whether a text has a time that BigQuery takes and DuckDB does not.
CREATE MACRO bq.main.perennial_is_odd_moment(value) AS
COALESCE(typeof(value) = 'VARCHAR' AND regexp_matches(CAST(value AS VARCHAR), '\d:60(\D|$)|:\d+(\.\d+)?\s*[+-]\d(:|$)'), FALSE);

-- Whether a value can be cast, whose text must be of a pattern.
CREATE MACRO bq.main.perennial_is_text(value, pattern, refusal, is_safe) AS CASE
    WHEN COALESCE(typeof(value) <> 'VARCHAR' OR regexp_full_match(CAST(value AS VARCHAR), pattern), TRUE) THEN TRUE
    WHEN bq.main.perennial_is_odd_moment(value)
    THEN _raise('The emulator does not support times with 60 seconds, nor zones of one digit, such as "' || CAST(value AS VARCHAR) || '"')
    WHEN is_safe THEN FALSE
    ELSE _raise(refusal || CAST(value AS VARCHAR))
END;

CREATE MACRO bq.main.perennial_length(length, function_name, is_safe) AS CASE
    WHEN length < 0 THEN CASE WHEN is_safe THEN NULL ELSE _raise('The length in ' || function_name || '() cannot be negative') END
    ELSE length
END;

CREATE MACRO bq.main.perennial_is_day(value, is_safe) AS CASE
    WHEN COALESCE(value BETWEEN TIMESTAMP '0001-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999', TRUE) THEN TRUE
    WHEN is_safe THEN FALSE
    ELSE _raise('A date out of the range 0001-01-01 to 9999-12-31 causes overflow')
END;

-- Microseconds since 1970 as whole units, rounded down.
CREATE MACRO bq.main.perennial_since_epoch(microseconds, unit) AS
microseconds // unit - CASE WHEN microseconds % unit < 0 THEN 1 ELSE 0 END;

-- DuckDB takes NaN and infinity for JSON.
CREATE MACRO bq.main.perennial_json(value) AS CASE
    WHEN json_valid(value) AND NOT regexp_matches(regexp_replace(value, '"(\\.|[^"\\])*"', '""', 'g'), '(?i)nan|inf') THEN value
END;

-- The same text with its numbers as texts, since DuckDB writes 1.50 as 1.5.
CREATE MACRO bq.main.perennial_json_values(value) AS CASE
    WHEN regexp_matches(value, '\d[.eE]|-0') THEN array_to_string(
        list_transform(
            regexp_extract_all(bq.main.perennial_json(value), '"(\\.|[^"\\])*"|[^"]+'),
            lambda part: CASE WHEN part[1] = '"' THEN part ELSE regexp_replace(part, '-?\d[\d.eE+-]*', '"\0"', 'g') END
        ),
        ''
    )
    ELSE bq.main.perennial_json(value)
END;

-- The same text, if DuckDB writes its numbers as they are written there.
CREATE MACRO bq.main.perennial_json_texts(value) AS CASE
    WHEN regexp_matches(value, '\d[.eE]|-0|\d{19}') AND len(list_filter(
        regexp_extract_all(regexp_replace(value, '"(\\.|[^"\\])*"', '""', 'g'), '-?\d[\d.eE+-]*'),
        lambda one: NOT regexp_full_match(one, '0|-?[1-9]\d{0,17}')
            AND NOT (length(one) <= 16 AND regexp_full_match(one, '-?\d+\.(0|\d*[1-9])') AND NOT starts_with(ltrim(one, '-'), '0.0000'))
    )) > 0
    THEN _raise('The emulator does not support JSON of a STRING that has numbers such as 1.50 and 1e5: parse it, or ask for JSON_VALUE')
    ELSE bq.main.perennial_json(value)
END;

-- Whether JSON is an array, and one of scalars only.
CREATE MACRO bq.main.perennial_has_elements(value) AS json_type(value) = 'ARRAY';

CREATE MACRO bq.main.perennial_has_scalars(value) AS json_type(value) = 'ARRAY'
    AND len(list_filter(json_type(value, '$[*]'), lambda one: one IN ('ARRAY', 'OBJECT'))) = 0;

CREATE MACRO bq.main.perennial_lower(value) AS CASE WHEN strlen(value) = length(value) THEN lower(value) ELSE _lower(value) END;

CREATE MACRO bq.main.perennial_upper(value) AS CASE WHEN strlen(value) = length(value) THEN upper(value) ELSE _upper(value) END;

CREATE MACRO bq.main.perennial_unicode(value) AS CASE WHEN value = '' THEN 0 ELSE unicode(value) END;

-- The codes of letters that follow each other, vowels, H and W aside, are one if they are the same.
CREATE MACRO bq.main.perennial_soundex_of(letters, codes) AS CASE
    WHEN letters = '' THEN ''
    ELSE letters[1] || rpad(left(array_to_string(list_filter(
        string_split(replace(codes[2:], '-', ''), ''),
        lambda code, place: code <> CASE WHEN place = 1 THEN codes[1] ELSE replace(codes[2:], '-', '')[place - 1] END
    ), ''), 3), 3, '0')
END;

CREATE MACRO bq.main.perennial_soundex(value) AS bq.main.perennial_soundex_of(
    regexp_replace(value, '[^A-Za-z]', '', 'g'),
    translate(upper(regexp_replace(value, '[^A-Za-z]', '', 'g')), 'AEIOUYHWBFPVCGJKQSXZDTLMNR', '--------111122222222334556')
);

-- A moment as text: three or six digits of the fraction of a second.
CREATE MACRO bq.main.perennial_fraction(value) AS CASE
    WHEN contains(value, '.') THEN regexp_extract(value, '^[^.]*\.')
        || rpad(regexp_extract(value, '\.(\d+)', 1), CASE WHEN length(regexp_extract(value, '\.(\d+)', 1)) <= 3 THEN 3 ELSE 6 END, '0')
        || regexp_extract(value, '\.\d+(.*)$', 1)
    ELSE value
END;

-- DuckDB also looks for an empty match behind the last character.
CREATE MACRO bq.main.perennial_matches(matches, value, pattern) AS CASE
    WHEN value <> '' AND COALESCE(matches[-1], '') = '' AND regexp_extract_all(value, pattern)[-1] = ''
    THEN _raise('The emulator does not support REGEXP_EXTRACT_ALL with an empty match at the end')
    WHEN list_contains(list_transform(matches, lambda one: one IS NULL), TRUE) THEN list_transform(matches, lambda one: COALESCE(one, ''))
    ELSE matches
END;

-- Arguments that are given back, or are an error.

CREATE MACRO bq.main.perennial_unsigned(value) AS
CASE WHEN value < 0 THEN _raise('The emulator does not support %x, %X and %o of negative numbers') ELSE value END;

CREATE MACRO bq.main.perennial_finite(value) AS CASE
    WHEN NOT isfinite(value) THEN _raise('The emulator does not support FORMAT of infinity and NaN with zeros before it') ELSE value + CAST(0 AS DOUBLE)
END;

-- FORMAT shows no sign of a zero.
CREATE MACRO bq.main.perennial_zero(value) AS value + CAST(0 AS DOUBLE);

CREATE MACRO bq.main.perennial_ieee_divide(one, other) AS CAST(one AS DOUBLE) / CAST(other AS DOUBLE);

CREATE MACRO bq.main.perennial_not_nan(value) AS
CASE WHEN isnan(value) THEN _raise('The emulator does not support percentiles and quantiles of NaN') ELSE value END;

CREATE MACRO bq.main.perennial_has_four_digits(value) AS CASE
    WHEN COALESCE(value BETWEEN TIMESTAMP '1000-01-02 00:00:00' AND TIMESTAMP '9999-12-30 23:59:59.999999', TRUE) THEN TRUE
    ELSE _raise('The emulator does not support the format of days before the year 1000, nor of the last one of 9999')
END;

CREATE MACRO bq.main.perennial_cased(value) AS
CASE WHEN regexp_matches(value, '[ßİıΣſ]') THEN _raise('The emulator does not support INITCAP of ß, ı, İ, ſ and Σ') ELSE value END;

CREATE MACRO bq.main.perennial_has_odd_numbers(numbers) AS len(list_filter(numbers, lambda one: regexp_matches(one, '[.eE]') AND (
    length(regexp_replace(regexp_extract(one, '^[^eE]*'), '^[-0.]*|\.', '', 'g')) > 17 OR NOT COALESCE(TRY_CAST(one AS DOUBLE) = 0 OR abs(TRY_CAST(one AS DOUBLE)) BETWEEN 1e-4 AND 1e15, FALSE)
))) > 0;

-- DuckDB takes a comma before a bracket.
CREATE MACRO bq.main.perennial_strict_json(value) AS CASE
    WHEN value IS NOT NULL AND bq.main.perennial_json(value) IS NULL
        OR regexp_matches(regexp_replace(value, '"(\\.|[^"\\])*"', '""', 'g'), ',\s*[\]}]')
    THEN _raise('Invalid input to PARSE_JSON: syntax error while parsing value')
    WHEN regexp_matches(regexp_replace(value, '"(\\.|[^"\\])*"', '""', 'g'), '\d[.eE]')
        AND bq.main.perennial_has_odd_numbers(regexp_extract_all(regexp_replace(value, '"(\\.|[^"\\])*"', '""', 'g'), '-?\d[\d.eE+-]*'))
    THEN _raise('The emulator does not support JSON with numbers of more than 17 digits, or as large or small as 1e16 and 1e-5')
    ELSE _json_in_order(value)
END;

CREATE MACRO bq.main.perennial_different_characters(characters) AS CASE
    WHEN len(list_distinct(string_split(characters, ''))) < len(string_split(characters, ''))
    THEN _raise('Duplicate character in TRANSLATE source characters') ELSE characters
END;

CREATE MACRO bq.main.perennial_vector(numbers) AS CASE
    WHEN len(list_filter(numbers, lambda one: one <> 0)) = 0 THEN _raise('Cannot compute cosine distance against zero vector') ELSE numbers
END;

CREATE MACRO bq.main.perennial_ascending(boundaries) AS CASE
    WHEN boundaries <> list_sort(boundaries) OR typeof(boundaries) = 'DOUBLE[]' AND list_contains(CAST(boundaries AS VARCHAR[]), 'nan')
    THEN _raise('Elements in input array to RANGE_BUCKET must be in ascending order') ELSE boundaries
END;

CREATE MACRO bq.main.perennial_number(value) AS CASE WHEN typeof(value) = 'DOUBLE' AND isnan(CAST(value AS DOUBLE)) THEN NULL ELSE value END;

-- How many groups a regular expression captures.
CREATE MACRO bq.main.perennial_groups(pattern) AS
len(regexp_extract_all(regexp_replace(pattern, '\\.|\[\^?\]?([^\]\\]|\\.)*\]|\(\?([^P<]|$)', '', 'g'), '\('));

CREATE MACRO bq.main.perennial_pattern(pattern) AS CASE
    WHEN bq.main.perennial_groups(pattern) > 1
    THEN _raise('Regular expressions passed into extraction functions must not have more than 1 capturing group') ELSE pattern
END;

CREATE MACRO bq.main.perennial_rewrite(rewrite, pattern) AS CASE
    WHEN list_max(list_transform(regexp_extract_all(replace(rewrite, '\\', ''), '\\(\d)', 1), lambda one: CAST(one AS INTEGER)))
        > bq.main.perennial_groups(pattern)
    THEN _raise('Invalid REGEXP_REPLACE pattern: it has fewer groups than the rewrite names') ELSE rewrite
END;

CREATE MACRO bq.main.perennial_position(place) AS CASE WHEN place < 1 THEN _raise('Position must be positive') ELSE place END;

CREATE MACRO bq.main.perennial_position_or_end(place) AS
CASE WHEN place = 0 THEN _raise('Position must be non-zero') ELSE place END;

CREATE MACRO bq.main.perennial_occurrence(occurrence) AS
CASE WHEN occurrence < 1 THEN _raise('Occurrence must be positive') ELSE occurrence END;

CREATE MACRO bq.main.perennial_ascii(value) AS CASE
    WHEN value <> '' AND unicode(value) > 127 THEN _raise('Argument to ASCII is not a structurally valid ASCII string') ELSE value
END;

CREATE MACRO bq.main.perennial_hour(hours) AS
CASE WHEN hours NOT BETWEEN 0 AND 23 THEN _raise('Input calculates to invalid time: ' || hours || ' hours') ELSE hours END;

CREATE MACRO bq.main.perennial_like(pattern) AS
CASE WHEN regexp_matches(pattern, '(^|[^\\])(\\\\)*\\$') THEN _raise('LIKE pattern ends with a backslash') ELSE pattern END;

CREATE MACRO bq.main.perennial_octets(points) AS CASE
    WHEN len(list_filter(points, lambda one: one NOT BETWEEN 0 AND 255)) > 0 THEN _raise('Invalid value in CODE_POINTS_TO_BYTES') ELSE points
END;

CREATE MACRO bq.main.perennial_bytes_to_string(bytes) AS CASE
    WHEN bytes IS NOT NULL AND TRY(decode(bytes)) IS NULL
    THEN _raise('The emulator does not support SAFE_CONVERT_BYTES_TO_STRING of bytes that are no UTF-8') ELSE TRY(decode(bytes))
END;

CREATE MACRO bq.main.perennial_padding(pattern) AS
CASE WHEN pattern = '' THEN _raise('Third argument (pad pattern) for LPAD/RPAD cannot be empty') ELSE pattern END;

CREATE MACRO bq.main.perennial_plain_number(value) AS CASE
    WHEN regexp_matches(value, '[,\s]|[+-]$') THEN _raise('The emulator does not support PARSE_BIGNUMERIC of spaces and commas') ELSE value
END;

CREATE MACRO bq.main.perennial_step(number) AS CASE WHEN number = 0 THEN _raise('Sequence step cannot be 0.') ELSE number END;

-- No sum of so many numbers as there are is infinite.
CREATE MACRO bq.main.perennial_summand(value, is_computed) AS CASE
    WHEN (is_computed OR isfinite(value)) AND abs(value) > 1e290 THEN _raise('The emulator does not support SUM and AVG in PIVOT of numbers beyond 1e290')
    ELSE value
END;

-- ROUND and TRUNC of FLOAT64 to a number of digits, which may be negative, by the exact value of the number. It lies in the middle of
-- two results if it is an odd multiple of a power of two; a printed number is never rounded twice.
CREATE MACRO bq.main.perennial_round(value, digits) AS CASE
    WHEN NOT isfinite(value) OR digits > 300 OR digits >= 0 AND abs(value) >= 4503599627370496 THEN value
    WHEN digits < -300 OR abs(value) > 1e290 AND digits < 0
    THEN _raise('The emulator does not support ROUND and TRUNC of numbers and to places as large as these')
    WHEN digits < -22 THEN round(value, CAST(digits AS INTEGER))
    WHEN digits < 0 THEN sign(value) * (
        abs(value) - abs(value) % pow(10, -digits) + CASE WHEN abs(value) % pow(10, -digits) * 2 >= pow(10, -digits) THEN pow(10, -digits) ELSE 0 END
    )
    WHEN abs(value) * pow(2, digits + 1) % 2 = 1 THEN round(value, CAST(digits AS INTEGER))
    ELSE CAST(format('{:.' || digits || 'f}', value) AS DOUBLE)
END;

CREATE MACRO bq.main.perennial_trunc(value, digits) AS CASE
    WHEN NOT isfinite(value) OR digits > 40 OR digits >= 0 AND abs(value) >= 4503599627370496 THEN value
    WHEN digits < -300 OR abs(value) > 1e290 AND digits < 0
    THEN _raise('The emulator does not support ROUND and TRUNC of numbers and to places as large as these')
    WHEN digits < -22 THEN trunc(value, CAST(digits AS INTEGER))
    WHEN digits < 0 THEN sign(value) * (abs(value) - abs(value) % pow(10, -digits))
    ELSE CAST(regexp_extract(format('{:.60f}', value), '^[^.]*\.\d{' || digits || '}') AS DOUBLE)
END;

-- The moment of a text that names its zone, given the one that DuckDB takes it for.
CREATE MACRO bq.main.perennial_first_moment(moment, text) AS CASE
    WHEN NOT regexp_matches(text, ' [A-Z][A-Za-z]+/') THEN moment
    ELSE _from_local(timezone(regexp_extract(text, '\S+$'), moment), regexp_extract(text, '\S+$'))
END;

-- What ZetaSQL gives for a text that is parsed, as a value.
CREATE MACRO bq.main.perennial_day(days) AS DATE '1970-01-01' + CAST(days AS INTEGER);

CREATE MACRO bq.main.perennial_clock(microseconds) AS make_timestamp(microseconds);

CREATE MACRO bq.main.perennial_time(microseconds) AS TIME '00:00:00' + to_microseconds(microseconds);

CREATE MACRO bq.main.perennial_moment(microseconds) AS timezone('UTC', make_timestamp(microseconds));

CREATE MACRO bq.main.perennial_decimal(text) AS CAST(text AS DECIMAL(38, 9));

CREATE MACRO bq.main.perennial_second(seconds) AS
CASE WHEN seconds = 60 THEN _raise('The emulator does not support TIME of 60 seconds') ELSE seconds END;

-- CAST(value AS NUMERIC) of a FLOAT64. No double lies between 1e29 and the largest NUMERIC.
CREATE MACRO bq.main.perennial_numeric(value, is_safe) AS CASE
    WHEN abs(value) <= 1e29 THEN CAST(format('{:.60f}', value) AS DECIMAL(38, 9))
    WHEN value IS NULL OR is_safe THEN NULL
    WHEN isfinite(value) THEN _raise('numeric out of range: ' || value)
    ELSE _raise('Illegal conversion of non-finite floating point number to numeric: ' || value)
END;

-- A text whose matches are counted from a place. A last one that is empty may lie behind the last character, where BigQuery looks for none.
CREATE MACRO bq.main.perennial_extracted(value, pattern, place, occurrence) AS CASE
    WHEN place > length(value) AND value <> '' THEN NULL
    WHEN occurrence > 1 AND len(regexp_extract_all(value[place:], pattern)) = occurrence
        AND regexp_extract_all(value[place:], pattern)[occurrence] = ''
    THEN _raise('The emulator does not support REGEXP_EXTRACT of the last match by its occurrence, if it is empty')
    ELSE value
END;

-- A text in which a regular expression without groups is located.
CREATE MACRO bq.main.perennial_located(value, pattern, place, occurrence) AS CASE
    WHEN place > length(value) AND value <> ''
        OR bq.main.perennial_groups(pattern) > 0 AND len(regexp_extract_all(value[place:], pattern)) >= occurrence
        OR occurrence > 1 AND regexp_extract_all(value[place:], pattern)[occurrence] = ''
    THEN _raise('The emulator does not support REGEXP_INSTR of groups, of a later match that is empty, nor behind the last character')
    ELSE value
END;

-- What SAFE.FUNCTION may not take for an error: nobody knows what it gives.
CREATE MACRO bq.main.perennial_is_odd_json(value) AS
COALESCE(regexp_matches(regexp_replace(value, '"(\\.|[^"\\])*"', '""', 'g'), '\d[.eE]')
    AND bq.main.perennial_has_odd_numbers(regexp_extract_all(regexp_replace(value, '"(\\.|[^"\\])*"', '""', 'g'), '-?\d[\d.eE+-]*')), FALSE);

-- What stands for a FLOAT64 that rows are ordered by.
CREATE MACRO bq.main.perennial_order(value) AS
CASE WHEN value IS NOT NULL THEN struct_pack(is_number := NOT isnan(CAST(value AS DOUBLE)), number := CAST(value AS DOUBLE)) END;

CREATE MACRO bq.main.perennial_whole_minutes(value, zone) AS CASE
    WHEN zone[1] IN ('+', '-') THEN value
    WHEN CAST(epoch(timezone(zone, value)) - epoch(value) AS BIGINT) % 60 <> 0
    THEN _raise('The emulator does not support texts of moments at which a zone was some seconds from UTC')
    ELSE value
END;

-- DuckDB rounds the seconds since 1970.
CREATE MACRO bq.main.perennial_whole_seconds(value) AS date_trunc('second', value);

-- JSON's null has no value in SQL, and a NULL of SQL is one.
CREATE MACRO bq.main.perennial_integer(value) AS
CASE WHEN json_type(value) = 'NULL' THEN _raise('The provided JSON input is not an integer') ELSE value END;

CREATE MACRO bq.main.perennial_json_number(value) AS
CASE WHEN json_type(value) = 'NULL' THEN _raise('The provided JSON input is not a number') ELSE value END;

CREATE MACRO bq.main.perennial_boolean(value) AS
CASE WHEN json_type(value) = 'NULL' THEN _raise('The provided JSON input is not a boolean') ELSE value END;

CREATE MACRO bq.main.perennial_json_string(value) AS CASE
    WHEN typeof(value) <> 'JSON' THEN value
    WHEN json_type(CAST(value AS JSON)) = 'NULL' THEN _raise('The provided JSON input is not a string')
    ELSE value
END;

CREATE MACRO bq.main.perennial_plain_letters(value) AS CASE
    WHEN strlen(value) <> length(value) THEN _raise('The emulator does not support EDIT_DISTANCE of characters beyond ASCII') ELSE value
END;

CREATE MACRO bq.main.perennial_log(value) AS
CASE WHEN isinf(value) THEN _raise('The emulator does not support logarithms of infinity') ELSE value END;

CREATE MACRO bq.main.perennial_reverse(value) AS CASE WHEN strlen(value) = length(value) THEN reverse(value) ELSE _reverse(value) END;

-- A key with a dot in it looks like two, one in the other.
CREATE MACRO bq.main.perennial_plain_keys(value) AS CASE
    WHEN regexp_matches(CAST(value AS VARCHAR), '"([^"\\]*[.\[\]$][^"\\]*|[^"]*\\.*)"\s*:')
    THEN _raise('The emulator does not support JSON_KEYS of keys with dots, brackets or escapes') ELSE value
END;

-- The sum of NUMERIC, which DuckDB lets grow beyond.
CREATE MACRO bq.main.perennial_numeric_sum(total) AS
CASE WHEN length(regexp_extract(CAST(total AS VARCHAR), '\d+')) > 29 THEN _raise('numeric overflow: SUM') ELSE total END;

CREATE MACRO bq.main.perennial_int64(value) AS CAST(value AS BIGINT);

-- Arithmetic of INT64 that is NULL where it overflows. DuckDB's TRY would hide the errors of what it is of.
CREATE MACRO bq.main.perennial_int64_safe_add(one, other) AS TRY_CAST(CAST(one AS HUGEINT) + CAST(other AS HUGEINT) AS BIGINT);

CREATE MACRO bq.main.perennial_int64_safe_subtract(one, other) AS TRY_CAST(CAST(one AS HUGEINT) - CAST(other AS HUGEINT) AS BIGINT);

CREATE MACRO bq.main.perennial_int64_safe_multiply(one, other) AS TRY_CAST(CAST(one AS HUGEINT) * CAST(other AS HUGEINT) AS BIGINT);

CREATE MACRO bq.main.perennial_int64_safe_negate(value) AS TRY_CAST(-CAST(value AS HUGEINT) AS BIGINT);

-- DuckDB finds the smallest INT64 divided by -1 too large, and so what remains of it.
CREATE MACRO bq.main.perennial_int64_mod(one, other) AS CASE
    WHEN other = 0 THEN _raise('division by zero: MOD(' || one || ', 0)')
    ELSE CAST(CAST(one AS HUGEINT) % other AS BIGINT)
END;
