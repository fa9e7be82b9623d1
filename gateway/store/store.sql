-- The store: one row per poll or node record, one sequence over all of them. Version 3.
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- A series is the fixed list of channels that the cells of a row belong to: [["do.temperature","degC",2], ...].
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,           -- "node 17" or "sensor level"
    channels TEXT NOT NULL,
    crc INTEGER NOT NULL,           -- over id, source and channels: gateway/store/rows.py
    UNIQUE (source, channels)
);

-- A start of the machine. Time since then is the time of a row less base_ms. What was taken before the clock could be
-- trusted (trusted = 0) was really taken correction_ms later; NULL: not known yet.
CREATE TABLE boot (
    id INTEGER PRIMARY KEY,
    machine_id TEXT NOT NULL UNIQUE,
    began_ms INTEGER NOT NULL,      -- Unix time as it was taken for, when the gateway met it
    base_ms INTEGER NOT NULL,
    correction_ms INTEGER,
    crc INTEGER NOT NULL            -- over all of these
);

CREATE TABLE row (
    seq INTEGER PRIMARY KEY,        -- never given twice
    series INTEGER NOT NULL REFERENCES series (id),
    unix_ms INTEGER NOT NULL,       -- when it was measured, by the time that was believed then
    boot INTEGER NOT NULL REFERENCES boot (id),
    trusted INTEGER NOT NULL,       -- whether that time could be trusted
    node INTEGER,                   -- NULL: polled by the gateway, 0: derived from other rows
    life INTEGER,                   -- of the node: a new key begins another one
    record INTEGER,                 -- the node's own number in that life
    cells TEXT NOT NULL,            -- [812,null,1023]: value * 10^decimals
    quality TEXT,                   -- [0,1,0], NULL: all good
    crc INTEGER NOT NULL            -- CRC-32 over all of these: gateway/store/rows.py
);
CREATE UNIQUE INDEX row_record ON row (node, life, record) WHERE node IS NOT NULL;
CREATE INDEX row_derived ON row (series, unix_ms) WHERE node = 0;

CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    counter INTEGER NOT NULL,       -- the highest frame counter accepted in this life
    have INTEGER NOT NULL,          -- every record up to this one is here, but for the stretches below
    life INTEGER NOT NULL,
    key TEXT NOT NULL               -- its fingerprint, '' before the first one
) WITHOUT ROWID;

-- Records up to `have` that are no rows: "hole", the node is asked for them; "gone", it no longer holds them; "unread".
CREATE TABLE stretch (
    node INTEGER NOT NULL,
    life INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (node, life, first)
) WITHOUT ROWID;

-- Batches of a slice this gateway does not know: kept as they came, never guessed at.
CREATE TABLE unread (id INTEGER PRIMARY KEY, unix_ms INTEGER NOT NULL, node INTEGER NOT NULL, body BLOB NOT NULL);

-- What nodes are told to do (protocols/command.py). On the link an id is its low 16 bits.
CREATE TABLE command (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    argument INTEGER NOT NULL,
    made INTEGER NOT NULL,          -- Unix milliseconds: given here, first sent, answered
    sent INTEGER,
    done INTEGER,
    result INTEGER
);

-- Nodes' frames as they were received, tag included: what a node has really said. `schema`: what a brief one leaves out.
CREATE TABLE frame (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    unix_ms INTEGER NOT NULL,       -- when it came
    boot INTEGER NOT NULL REFERENCES boot (id),
    trusted INTEGER NOT NULL,
    node INTEGER NOT NULL,
    life INTEGER NOT NULL,
    schema INTEGER NOT NULL,
    raw BLOB NOT NULL
);

-- Everything up to these numbers, hashed onto the block before: gateway/evidence/chain.py.
CREATE TABLE block (
    number INTEGER PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    last_frame INTEGER NOT NULL,
    last_event INTEGER NOT NULL,
    unix_ms INTEGER NOT NULL,       -- when it was closed
    hash BLOB NOT NULL
);

-- The block that closed a day (UTC), signed by the gateway's own key: gateway/evidence/notary.py.
CREATE TABLE day (day TEXT PRIMARY KEY, block INTEGER NOT NULL, signature BLOB NOT NULL, public BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE position (
    uplink TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,           -- every row up to this one is confirmed
    beyond TEXT NOT NULL            -- and these behind it: "12-40 57", mostly none
) WITHOUT ROWID;

CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    unix_ms INTEGER NOT NULL,
    boot INTEGER NOT NULL REFERENCES boot (id),
    trusted INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL
);

-- For people with sqlite3: one line per sample. trust: "yes", the time was known; "dated", it was found out later; "no".
CREATE VIEW sample AS
SELECT row.seq,
       strftime('%Y-%m-%dT%H:%M:%fZ',
                (row.unix_ms + iif(row.trusted, 0, coalesce(boot.correction_ms, 0))) / 1000.0, 'unixepoch') AS time,
       json_extract(channel.value, '$[0]') AS channel,
       cell.value / CAST('1e' || json_extract(channel.value, '$[2]') AS REAL) AS value,
       json_extract(channel.value, '$[1]') AS unit,
       coalesce(json_extract(row.quality, '$[' || cell.key || ']'), 0)
           | iif(row.trusted OR boot.correction_ms IS NOT NULL, 0, 16) AS quality,
       iif(row.trusted, 'yes', iif(boot.correction_ms IS NULL, 'no', 'dated')) AS trust,
       series.source  -- "hour": derived, at the start of its period; of several rows the highest seq counts
FROM row
LEFT JOIN boot ON boot.id = row.boot
JOIN series ON series.id = row.series
JOIN json_each(row.cells) AS cell
JOIN json_each(series.channels) AS channel ON channel.key = cell.key
-- without value and flag: not due in that wake of the node, so no sample
WHERE cell.value IS NOT NULL OR json_extract(row.quality, '$[' || cell.key || ']') <> 0;
