-- The archive's tables (PostgreSQL >= 14). One row is one poll, one node record or one derived row, as the station sent
-- it; the view `reading` has one line for each value.

CREATE TABLE station (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    online boolean,
    heard timestamptz,                            -- the last rows or status
    complete bigint NOT NULL DEFAULT 0,           -- the station says: every row up to this one was confirmed to it
    noted bigint NOT NULL DEFAULT 0,              -- the same as it was at ..
    noted_at timestamptz NOT NULL DEFAULT now(),  -- .. this time
    overdue bigint NOT NULL DEFAULT 0,            -- the same a while before that: what is missing of it is on no way
    has int8multirange NOT NULL DEFAULT '{}',     -- by seq; what of 1..complete is not in it is missing
    asked timestamptz NOT NULL DEFAULT '-infinity',
    asked_times integer NOT NULL DEFAULT 0,       -- since anything of what was missing came
    public_key bytea                              -- of its first signed day, or as somebody wrote it here
) WITH (fillfactor = 50);                         -- each batch writes these lines anew, in the same page if there is room

CREATE TABLE series (
    station integer NOT NULL REFERENCES station,
    series bigint NOT NULL,
    source text NOT NULL,
    channel text[] NOT NULL,
    unit text[] NOT NULL,
    decimals smallint[] NOT NULL,
    PRIMARY KEY (station, series)
);

-- No foreign keys: a station's line is locked while its rows are written, and rows without a series are not taken.
CREATE TABLE row (
    station integer NOT NULL,
    seq bigint NOT NULL,
    time timestamptz NOT NULL,
    series bigint NOT NULL,
    value double precision[] NOT NULL,
    quality integer[],                            -- null: all good
    PRIMARY KEY (station, seq, time)
) PARTITION BY RANGE (time);

CREATE INDEX row_by_time ON row (station, series, time);

CREATE TABLE signature (
    station integer NOT NULL REFERENCES station,
    day date NOT NULL,
    block bigint NOT NULL,
    hash bytea NOT NULL,
    signature bytea NOT NULL,
    public_key bytea NOT NULL,
    verdict text NOT NULL,                        -- 'sound', 'forged' (not signed by that key), 'stranger' (a new key),
                                                  -- 'another' (of another station's key)
    PRIMARY KEY (station, day, block, hash, signature, public_key)
);

-- What was not taken, and why: one line for each station and reason, with the newest case.
CREATE TABLE refusal (
    station text NOT NULL,
    reason text NOT NULL,
    times bigint NOT NULL,
    first timestamptz NOT NULL DEFAULT now(),
    last timestamptz NOT NULL DEFAULT now(),
    detail text NOT NULL,
    PRIMARY KEY (station, reason)
);

-- Of rows that a gateway has made of others ("hour", "day", ..) the newest seq counts.
CREATE VIEW reading AS
SELECT station.name AS station, row.seq, row.time, series.source, one.channel, one.value, one.unit,
       coalesce(one.quality, 0) AS quality
FROM row
JOIN station ON station.id = row.station
JOIN series ON series.station = row.station AND series.series = row.series
CROSS JOIN LATERAL unnest(series.channel, row.value, series.unit, row.quality) AS one (channel, value, unit, quality)
WHERE (one.value IS NOT NULL OR coalesce(one.quality, 0) <> 0)
  AND (series.source LIKE 'sensor %' OR series.source LIKE 'node %' OR NOT EXISTS (
      SELECT FROM row AS later
      WHERE later.station = row.station AND later.series = row.series AND later.time = row.time AND later.seq > row.seq
  ));

CREATE VIEW missing AS
SELECT name AS station, int8multirange(int8range(1, complete + 1)) - has AS seqs, asked, asked_times
FROM station
WHERE complete > 0 AND NOT has @> int8range(1, complete + 1);
