-- What was last written, attribute by attribute: keyed hashes of four bytes, no values. Empty: not known.
ALTER TABLE links ADD COLUMN written BLOB NOT NULL DEFAULT x'';
