-- The sources of a config that has several, a bit each, and whether one was ever read completely.
CREATE TABLE sources (
    bit      INTEGER PRIMARY KEY CHECK (bit BETWEEN 0 AND 61),
    name     TEXT    NOT NULL UNIQUE,
    complete INTEGER NOT NULL CHECK (complete IN (0, 1))
) STRICT;

-- Which of them held a person when they were last read, as bits, by the fingerprint of the key.
CREATE TABLE holders (
    fp      INTEGER PRIMARY KEY,
    sources INTEGER NOT NULL
) STRICT;

-- Nobody asks once the person is forgotten. Who shares the fingerprint is held by all again, until the next complete read.
CREATE TRIGGER holders_of_forgotten_links AFTER DELETE ON links WHEN old.resource = 1
BEGIN
    DELETE FROM holders WHERE fp = old.fp;
END;

-- People and groups whose last write failed, and when it is tried again.
CREATE TABLE retries (
    resource INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    -- What was to be written; null for somebody who left. Something else is tried at once.
    digest   INTEGER,
    failures INTEGER NOT NULL,
    -- Milliseconds since 1970 (UTC): the first and the last time, and when it is tried again; null: given up.
    since    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    next     INTEGER,
    error    TEXT    NOT NULL,
    PRIMARY KEY (resource, key)
) STRICT, WITHOUT ROWID;

-- How the job as a whole is. One row at most.
CREATE TABLE health (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    -- How often in a row the source could not be read.
    source_failures INTEGER NOT NULL,
    -- Since when it is in quarantine, and why; null: it is not.
    quarantined     INTEGER,
    reason          TEXT,
    -- When it was tried last, and what went wrong; null if nothing did.
    tried           INTEGER NOT NULL,
    error           TEXT
) STRICT;

-- The refused plan that waits for somebody's word. One row at most, as a later plan takes its place.
CREATE TABLE pending (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    plan    TEXT    NOT NULL,
    since   INTEGER NOT NULL,
    -- JSON: the guards that refused it, and its summary.
    refused TEXT    NOT NULL,
    summary TEXT    NOT NULL
) STRICT;
