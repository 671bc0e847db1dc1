-- Where the accounts of the links are; null until a run was applied.
ALTER TABLE state ADD COLUMN target TEXT;
