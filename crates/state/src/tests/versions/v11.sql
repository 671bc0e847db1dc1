CREATE TABLE state (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    hash_key BLOB    NOT NULL CHECK (length(hash_key) = 32),
    serial   INTEGER NOT NULL
, target TEXT, fingerprints INTEGER NOT NULL DEFAULT 1 CHECK (fingerprints IN (0, 1))) STRICT;
CREATE TABLE links (
    resource          INTEGER NOT NULL,
    fp                INTEGER NOT NULL,
    key               TEXT    NOT NULL,
    digest            INTEGER NOT NULL,
    created           INTEGER NOT NULL CHECK (created IN (0, 1)),
    deactivated_since INTEGER,
    absent_since      INTEGER,
    id                TEXT    NOT NULL,
    PRIMARY KEY (resource, fp, key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX links_by_id ON links (resource, id);
CREATE TABLE runs (
    run           INTEGER PRIMARY KEY,
    kind          TEXT    NOT NULL,
    plan_hash     TEXT    NOT NULL,
    config_digest TEXT    NOT NULL,
    started       INTEGER NOT NULL,
    ended         INTEGER,
    outcome       TEXT,
    counts        TEXT
, who TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE journal (
    run      INTEGER NOT NULL REFERENCES runs (run),
    seq      INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    action   TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    id       TEXT,
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
    attributes TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,
    status     INTEGER,
    error      TEXT
, request TEXT) STRICT;
CREATE TABLE configs (
    digest TEXT PRIMARY KEY,
    parts  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE approvals (
    approval  INTEGER PRIMARY KEY,
    plan      TEXT    NOT NULL,
    given     INTEGER NOT NULL,
    who       TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    signature TEXT    UNIQUE,
    run       INTEGER REFERENCES runs (run)
) STRICT;
CREATE TABLE used_limits (
    name  TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_by_plan ON approvals (plan);
CREATE INDEX history_by_key ON history (key);
CREATE INDEX history_by_run ON history (run);
CREATE INDEX history_by_time ON history (at);
CREATE TABLE memberships (
    grp      INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    member   INTEGER NOT NULL,
    PRIMARY KEY (grp, resource, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_by_member ON memberships (resource, member);
CREATE TRIGGER memberships_of_forgotten_links AFTER DELETE ON links
BEGIN
    UPDATE links SET digest = 0 WHERE resource = 2 AND fp IN
        (SELECT grp FROM memberships WHERE resource = old.resource AND member = old.fp);
    DELETE FROM memberships WHERE resource = old.resource AND member = old.fp;
    DELETE FROM memberships WHERE old.resource = 2 AND grp = old.fp;
END;
CREATE TRIGGER memberships_of_moved_links AFTER UPDATE OF id ON links WHEN old.id <> new.id
BEGIN
    UPDATE links SET digest = 0 WHERE resource = 2 AND fp IN
        (SELECT grp FROM memberships WHERE resource = old.resource AND member = old.fp);
    DELETE FROM memberships WHERE resource = old.resource AND member = old.fp;
    DELETE FROM memberships WHERE old.resource = 2 AND grp = old.fp;
END;
CREATE TABLE cursor (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    config TEXT    NOT NULL,
    cursor TEXT    NOT NULL
) STRICT;
INSERT INTO state VALUES (1, x'abababababababababababababababababababababababababababababababab', 5, 'https://scim.example.com/v2', 1);
INSERT INTO links (resource, fp, key, digest, created, deactivated_since, absent_since, id) VALUES
    (1, -900, '4711', 42, 1, NULL, NULL, '2819c223'),
    (1, 3, 'Zoë', 0, 0, 1767225600000, 1767000000000, 'ÅÄÖ/1'),
    (1, 9000000000000000000, '12', -7, 1, NULL, 1767000000000, '33'),
    (2, 3, 'engineers', 43, 1, NULL, NULL, '2819c223');
INSERT INTO memberships VALUES (3, 1, -900), (3, 1, 9000000000000000000), (3, 2, 5);
INSERT INTO runs VALUES
    (1, 'full', 'sha256:00', 'c0', 1767225600000, 1767225601000, 'done', '{"done":2}', 'ada'),
    (2, 'normal', 'sha256:01', 'c1', 1767225700000, NULL, NULL, NULL, 'ada');
INSERT INTO configs VALUES ('c1', '{"scope":""}');
INSERT INTO approvals VALUES
    (1, 'sha256:01', 1767225699000, 'grace', 'they really left', NULL, 2),
    (2, 'sha256:02', 1767225699500, 'grace', 'again', 'RWQf', NULL);
INSERT INTO journal VALUES
    (2, 4, 1, 'create', '12', NULL, '[["externalId","12"],["userName","x@example.com"]]');
INSERT INTO history VALUES
    (1, 1, 1767225600500, 1, '4711', '2819c223', 'zoe@example.com', 'create', 'new', '[{"path":"title","before":null,"after":"L***"}]', 'done', 201, NULL, 'req-1'),
    (2, 1, 1767225600600, 1, 'Zoë', NULL, NULL, 'deactivate', 'no longer in people.csv', '[]', 'failed', 409, 'refused', NULL);
INSERT INTO cursor VALUES (1, 'c0', 'go on from here');
-- What targets keep otherwise than it was written, so that it is not written again in each run. Keyed hashes, no values.
CREATE TABLE kept (
    resource INTEGER NOT NULL,
    id       TEXT    NOT NULL,
    path     TEXT    NOT NULL,
    -- What was written, and what the target had afterwards.
    wanted   INTEGER NOT NULL,
    found    INTEGER NOT NULL,
    PRIMARY KEY (resource, id, path)
) STRICT, WITHOUT ROWID;

-- It is of no use once nobody is linked to the account.
CREATE TRIGGER kept_of_forgotten_links AFTER DELETE ON links
BEGIN
    DELETE FROM kept WHERE resource = old.resource AND id = old.id;
END;

CREATE TRIGGER kept_of_moved_links AFTER UPDATE OF id ON links WHEN old.id <> new.id
BEGIN
    DELETE FROM kept WHERE resource = old.resource AND id = old.id;
END;
INSERT INTO kept VALUES (1, '2819c223', 'title', 7, 8);
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

-- What the target said of itself when it was asked last, so that not every run asks again. One row at most.
CREATE TABLE discovery (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    -- Who was asked, and as what: other words hold for others.
    asked TEXT    NOT NULL,
    -- Milliseconds since 1970 (UTC).
    at    INTEGER NOT NULL,
    -- JSON.
    said  TEXT    NOT NULL
) STRICT;

-- What was last written, attribute by attribute: keyed hashes of four bytes, no values. Empty: not known.
ALTER TABLE links ADD COLUMN written BLOB NOT NULL DEFAULT x'';
INSERT INTO sources VALUES (0, 'hr', 1), (1, 'it', 0);
INSERT INTO holders VALUES (-900, 1), (9000000000000000000, 3);
INSERT INTO retries VALUES (1, '12', 43, 2, 1767225600000, 1767225700000, 1767247200000, 'the userName is taken');
INSERT INTO health VALUES (1, 2, 1767225700000, 'the source could not be read 5 times in a row', 1767225700000, 'out of reach');
INSERT INTO pending VALUES (1, 'sha256:03', 1767225700000, '[{"guard":"max_leavers"}]', '{"deactivate":6}');
PRAGMA application_id = 1346719568;
INSERT INTO used_limits VALUES ('POST 1000/3600s', 1767226000000);
INSERT INTO discovery VALUES (1, 'https://scim.example.com/v2', 1767225600000, '{"patch":true}');
UPDATE links SET written = x'0000000100ff00ff' WHERE fp = (SELECT min(fp) FROM links WHERE resource = 1) AND resource = 1;
PRAGMA user_version = 11;
