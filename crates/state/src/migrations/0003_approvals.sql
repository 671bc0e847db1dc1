-- Who ran it, as the system calls them.
ALTER TABLE runs ADD COLUMN who TEXT NOT NULL DEFAULT '';

-- The answer's number at the target, if it gave one.
ALTER TABLE history ADD COLUMN request TEXT;

-- What the configs of runs say of people, for the question what a changed config changes. One row a config, not one a run.
CREATE TABLE configs (
    digest TEXT PRIMARY KEY,
    parts  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Refused plans that somebody let pass, each for one run.
CREATE TABLE approvals (
    approval  INTEGER PRIMARY KEY,
    plan      TEXT    NOT NULL,
    given     INTEGER NOT NULL,
    who       TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    -- The signature that it was given by; null if it was given by command.
    signature TEXT    UNIQUE,
    -- The run that used it up; null as long as none did.
    run       INTEGER REFERENCES runs (run)
) STRICT;

CREATE INDEX approvals_by_plan ON approvals (plan);
