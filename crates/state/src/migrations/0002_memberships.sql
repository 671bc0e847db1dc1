-- Who is in which group, as it was last written or found: fingerprints of keys. A target that does not tell the members of
-- a group is compared with this.
CREATE TABLE memberships (
    grp      INTEGER NOT NULL,
    -- Whether the member is a person or a group.
    resource INTEGER NOT NULL,
    member   INTEGER NOT NULL,
    PRIMARY KEY (grp, resource, member)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_by_member ON memberships (resource, member);

-- A membership ends with the link of either side, and with the account that a link had. The groups that lose a member
-- like this are looked at again: what they have is no longer known.
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
