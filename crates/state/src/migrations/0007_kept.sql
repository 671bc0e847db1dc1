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
