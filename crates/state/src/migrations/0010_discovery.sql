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
