-- Schema version 1 of the store. One file per version; a later one holds only the steps from this one.
-- Two numbers of 40 bits hang on every epoch's index i: a row's id is (i << 40) + n, a notice's (i << 40) + e.

-- Which file of which machine gave the numbers out. A copied card starts a new epoch.
CREATE TABLE epoch (
  i        INTEGER PRIMARY KEY,      -- never reused
  ep       TEXT NOT NULL UNIQUE,     -- 8 random hex digits, as on the wire
  made_ms  INTEGER NOT NULL,         -- the wall clock's guess when it began
  machine  TEXT NOT NULL,            -- /etc/machine-id, empty when unknown
  board    TEXT NOT NULL             -- the board's serial number, empty when unknown
) STRICT;

-- One row is one sample of one sensor. Never updated; deleted when delivered long enough, or gone.
CREATE TABLE sample (
  id      INTEGER PRIMARY KEY,
  sensor  INTEGER NOT NULL,          -- i of sensor_index in the row's epoch
  at_ms   INTEGER NOT NULL,          -- UTC
  up_ms   INTEGER NOT NULL,          -- the boot's own clock, for re-timing
  vals    TEXT NOT NULL,             -- "1.695,null,-15.03": the wire's text
  q       TEXT,                      -- flags: absent, one number, or "[0,128,8]"
  raw     BLOB                       -- bytes seen on the wire when the result was not good
) STRICT;

-- What consecutive rows share. A run ends where the next of its epoch begins; each change begins one, so
-- two rows with the same run share everything and a batch needs no look at the rows in between.
CREATE TABLE run (
  epoch    INTEGER NOT NULL,
  first    INTEGER NOT NULL,         -- n of its first row
  catalog  TEXT NOT NULL,
  boot     TEXT NOT NULL,
  trust    INTEGER NOT NULL,
  PRIMARY KEY (epoch, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE catalog (
  k     TEXT PRIMARY KEY,
  body  TEXT NOT NULL                -- JSON as published
) STRICT, WITHOUT ROWID;

-- Within an epoch an index never means another sensor or channel list.
CREATE TABLE sensor_index (
  epoch     INTEGER NOT NULL,
  i         INTEGER NOT NULL,
  sensor    TEXT NOT NULL,
  channels  TEXT NOT NULL,           -- JSON list of channel ids
  PRIMARY KEY (epoch, i),
  UNIQUE (epoch, sensor, channels)
) STRICT, WITHOUT ROWID;

-- Alerts, gone declarations, clock events, as the bytes to publish. Kept until delivered.
CREATE TABLE notice (
  id     INTEGER PRIMARY KEY,
  kind   TEXT NOT NULL,              -- alert, gone, clock
  key    TEXT NOT NULL,
  n      INTEGER,                    -- the row that caused an alert
  at_ms  INTEGER NOT NULL,
  body   BLOB NOT NULL
) STRICT;

-- What each upstream has: closed ranges, so that confirming writes one row and draining rewrites no sample.
CREATE TABLE delivered (
  upstream  TEXT NOT NULL,
  epoch     INTEGER NOT NULL,
  kind      TEXT NOT NULL,           -- row, notice
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL,
  PRIMARY KEY (upstream, epoch, kind, first)
) STRICT, WITHOUT ROWID;

-- What was deleted here: tells without counting what is on disk, and keeps numbers from being reused.
CREATE TABLE removed (
  epoch  INTEGER NOT NULL,
  kind   TEXT NOT NULL,              -- row, notice
  first  INTEGER NOT NULL,
  last   INTEGER NOT NULL,
  PRIMARY KEY (epoch, kind, first)
) STRICT, WITHOUT ROWID;

-- Numbers that will never arrive. Ranges of one reason that touch are one.
CREATE TABLE gone (
  epoch   INTEGER NOT NULL,
  reason  TEXT NOT NULL,             -- thinned, expired, quarantined, unreadable, purged, skipped
  first   INTEGER NOT NULL,
  last    INTEGER NOT NULL,
  PRIMARY KEY (epoch, reason, first)
) STRICT, WITHOUT ROWID;

-- The same for people and for the health message.
CREATE TABLE ledger_line (
  id       INTEGER PRIMARY KEY,
  epoch    INTEGER NOT NULL,
  why      TEXT NOT NULL,
  lane     TEXT NOT NULL,
  sensor   TEXT NOT NULL,            -- empty: numbers that never had a row
  from_ms  INTEGER,
  to_ms    INTEGER,
  count    INTEGER NOT NULL,
  numbers  TEXT NOT NULL             -- JSON list of [first, last]
) STRICT;

-- What was settled by when, so that a delivered row is kept for its grace period (core/retention.py).
CREATE TABLE fence (
  alive_ms  INTEGER NOT NULL,
  epoch     INTEGER NOT NULL,
  rows      TEXT NOT NULL,           -- JSON list of [first, last]
  notices   TEXT NOT NULL,
  PRIMARY KEY (alive_ms, epoch)
) STRICT, WITHOUT ROWID;

-- Small facts of others: last known time, counters.
CREATE TABLE memory (
  key    TEXT PRIMARY KEY,
  value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
