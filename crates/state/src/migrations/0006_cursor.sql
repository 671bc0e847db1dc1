-- Where the next run can go on to read the source: the word of the source, and the config and program that it holds for. One row
-- at most.
CREATE TABLE cursor (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    config TEXT    NOT NULL,
    cursor TEXT    NOT NULL
) STRICT;
