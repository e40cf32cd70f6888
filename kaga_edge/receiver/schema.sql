-- The platform's own store. Everything that came, once each, under the contract's duplicate key.

CREATE TABLE IF NOT EXISTS note (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS gateway (
    id                INTEGER PRIMARY KEY,
    gw                TEXT NOT NULL UNIQUE,
    state             TEXT NOT NULL,     -- "unknown", or the contract's st: alive, dead, stopped
    heard_ms          INTEGER,           -- our clock, when the gateway itself last said anything
    silences          TEXT NOT NULL,     -- JSON: [[from_ms, to_ms], ...], not yet known to have had rows
    longest_outage_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS epoch (
    id          INTEGER PRIMARY KEY,
    gateway     INTEGER NOT NULL REFERENCES gateway (id),
    ep          TEXT NOT NULL,
    arrived     TEXT NOT NULL,           -- JSON: closed ranges of n
    gone        TEXT NOT NULL,           -- JSON: closed ranges of n declared gone
    events      TEXT NOT NULL,           -- JSON: closed ranges of e
    highest     INTEGER NOT NULL,        -- the highest n known to exist, arrived or not
    repeated    INTEGER NOT NULL,
    retimed     INTEGER NOT NULL,
    conflicting INTEGER NOT NULL,
    alerts      INTEGER NOT NULL,
    UNIQUE (gateway, ep)
) STRICT;

CREATE TABLE IF NOT EXISTS run (         -- what the rows of a batch share
    id    INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL REFERENCES epoch (id),
    k     TEXT NOT NULL,
    c     INTEGER NOT NULL,
    boot  TEXT NOT NULL,                 -- "" when the batch named none
    UNIQUE (epoch, k, c, boot)
) STRICT;

CREATE TABLE IF NOT EXISTS sample (
    epoch   INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    run     INTEGER NOT NULL,
    sensor  INTEGER NOT NULL,            -- index: the catalog of the run says which sensor
    at_ms   INTEGER NOT NULL,            -- as received
    up_ms   INTEGER,                     -- boot clock, where the batch named a boot
    true_ms INTEGER,                     -- after a clock correction; NULL: at_ms stands
    vals    TEXT NOT NULL,               -- JSON without brackets
    q       TEXT,                        -- JSON: one integer or a list; NULL: all good
    PRIMARY KEY (epoch, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS current (     -- newest time with a clock to be trusted, not newest arrival
    epoch  INTEGER NOT NULL,
    sensor INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    at_ms  INTEGER NOT NULL,
    PRIMARY KEY (epoch, sensor)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS event (       -- alerts, clock corrections, gone: one sequence
    epoch INTEGER NOT NULL,
    e     INTEGER NOT NULL,
    kind  TEXT NOT NULL,
    key   TEXT,
    body  TEXT NOT NULL,
    PRIMARY KEY (epoch, e)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS event_by_key ON event (epoch, key, e) WHERE key IS NOT NULL;

CREATE TABLE IF NOT EXISTS clock (       -- true time = boot clock + offset
    gateway   INTEGER NOT NULL,
    boot      TEXT NOT NULL,
    offset_ms INTEGER NOT NULL,
    PRIMARY KEY (gateway, boot)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS catalog (
    gateway INTEGER NOT NULL,
    k       TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (gateway, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS document (    -- the newest state, health, manifest, reply
    gateway INTEGER NOT NULL,
    leaf    TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (gateway, leaf)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS aside (       -- what could not be read or contradicts what is stored
    id      INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    topic   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    payload BLOB NOT NULL
) STRICT;
