-- One row: what belongs to the state as a whole.
CREATE TABLE state (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    -- The key of fingerprints and digests. Without it the links cannot be told from one another.
    hash_key BLOB    NOT NULL CHECK (length(hash_key) = 32),
    -- Moves with every write to links.
    serial   INTEGER NOT NULL
) STRICT;

-- The lasting pairs. They stand in the order in which a run scans them, small columns first.
CREATE TABLE links (
    resource          INTEGER NOT NULL,
    fp                INTEGER NOT NULL,
    key               TEXT    NOT NULL,
    digest            INTEGER NOT NULL,
    created           INTEGER NOT NULL CHECK (created IN (0, 1)),
    -- Milliseconds since 1970 (UTC); null while the account is in use.
    deactivated_since INTEGER,
    -- Milliseconds since 1970 (UTC); null while the person is present.
    absent_since      INTEGER,
    id                TEXT    NOT NULL,
    PRIMARY KEY (resource, fp, key)
) STRICT, WITHOUT ROWID;

-- No account belongs to two people.
CREATE UNIQUE INDEX links_by_id ON links (resource, id);

CREATE TABLE runs (
    run           INTEGER PRIMARY KEY,
    kind          TEXT    NOT NULL,
    plan_hash     TEXT    NOT NULL,
    config_digest TEXT    NOT NULL,
    started       INTEGER NOT NULL,
    -- All three are null until the run ends; after a crash they stay null.
    ended         INTEGER,
    outcome       TEXT,
    counts        TEXT
) STRICT;

-- What is being sent. A row that is left over after a crash may or may not have reached the target.
CREATE TABLE journal (
    run      INTEGER NOT NULL REFERENCES runs (run),
    seq      INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    action   TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    id       TEXT,
    -- JSON: [["path", "value"], …], what a lost create is looked up by.
    lookup   TEXT    NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
    entry      INTEGER PRIMARY KEY,
    run        INTEGER NOT NULL REFERENCES runs (run),
    at         INTEGER NOT NULL,
    resource   INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    id         TEXT,
    name       TEXT,
    action     TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    -- JSON: [{"path": …, "before": …, "after": …}, …].
    attributes TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,
    status     INTEGER,
    error      TEXT
) STRICT;

CREATE INDEX history_by_key ON history (key);
CREATE INDEX history_by_run ON history (run);
CREATE INDEX history_by_time ON history (at);
