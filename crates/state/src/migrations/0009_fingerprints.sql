-- How the fingerprints of keys are made: 0 with BLAKE3, 1 with SipHash. Links stand by them, so a state keeps its way; new ones
-- begin with 1.
ALTER TABLE state ADD COLUMN fingerprints INTEGER NOT NULL DEFAULT 1 CHECK (fingerprints IN (0, 1));
UPDATE state SET fingerprints = 0;
