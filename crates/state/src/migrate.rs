//! The versions of the tables. Each migration is one numbered SQL file that never changes once it was released; the
//! version of a state is how many of them it has seen.

use rusqlite::{Connection, TransactionBehavior};

/// "PEOP", by which a state is told from the databases of other programs.
pub(crate) const APPLICATION_ID: i64 = 0x5045_4F50;

/// All migrations, oldest first. To change the tables, add one, and a dump of the version before to `src/tests/versions`.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_memberships.sql"),
    include_str!("migrations/0003_approvals.sql"),
    include_str!("migrations/0004_target.sql"),
    include_str!("migrations/0005_used_limits.sql"),
    include_str!("migrations/0006_cursor.sql"),
    include_str!("migrations/0007_kept.sql"),
    include_str!("migrations/0008_lifecycle.sql"),
    include_str!("migrations/0009_fingerprints.sql"),
    include_str!("migrations/0010_discovery.sql"),
    include_str!("migrations/0011_written.sql"),
];

/// What a database is, before anything in it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It has no tables.
    Nothing,
    /// It is a state that has seen so many migrations.
    Version(i64),
    /// It belongs to another program.
    Foreign,
}

/// Looks without writing.
pub(crate) fn look(conn: &Connection) -> rusqlite::Result<Found> {
    let number = |pragma| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (application, version, tables) {
        (0, 0, 0) => Found::Nothing,
        (APPLICATION_ID, 1.., _) => Found::Version(version),
        _ => Found::Foreign,
    })
}

/// Runs the migrations that a database of version `from` has not seen, all or none. A new one gets its key from `seed`.
pub(crate) fn up(
    conn: &mut Connection,
    migrations: &[&str],
    from: i64,
    seed: impl FnOnce() -> [u8; 32],
) -> rusqlite::Result<()> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut version = 0;
    for migration in migrations {
        version += 1;
        if version > from {
            transaction.execute_batch(migration)?;
        }
    }
    if from == 0 {
        transaction
            .execute("INSERT INTO state (one, hash_key, serial) VALUES (1, ?, 0)", [seed()])?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}
