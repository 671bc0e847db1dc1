-- What was used of limits of a target that outlive a process: by its name, when each is fresh again (milliseconds since 1970).
CREATE TABLE used_limits (
    name  TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
