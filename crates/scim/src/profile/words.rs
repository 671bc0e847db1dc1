//! The words that keys of a profile may have. Each first one is what the RFCs say.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $word:ident,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
            #[serde(rename_all = "snake_case")]
            pub enum $name { $($(#[$inner])* $word,)+ }
        )+
    };
}

words! {
    /// The version of SCIM in which bodies are written.
    Version {
        /// RFC 7643 and RFC 7644.
        #[default]
        #[serde(rename = "2.0")]
        Two,
        /// The names of SCIM 1.1 (2012): `urn:scim:schemas:core:1.0`.
        #[serde(rename = "1.1")]
        One,
    }
    /// How the next page is asked for.
    Paging {
        /// By number, until an answer names a cursor.
        #[default]
        Auto,
        /// By number: `startIndex` (RFC 7644 §3.4.2.4). Cursors are not regarded.
        Index,
        /// By cursor from the first page on: `cursor=` (RFC 9865).
        Cursor,
        /// The same, but the first page is asked for with `cursor` alone, without `=`.
        BareCursor,
    }
    /// How accounts are changed.
    Update {
        /// As the service says of itself; PATCH if it says nothing.
        #[default]
        Auto,
        /// PATCH (RFC 7644 §3.5.2).
        Patch,
        /// Read, merge, and PUT (RFC 7644 §3.5.1).
        Put,
        /// PUT with nothing but the changes, where the service keeps what a PUT does not name.
        PutChanges,
    }
    /// How a value is taken away.
    Clear {
        /// PATCH removes it; a PUT does not name it.
        #[default]
        Remove,
        /// It becomes an empty text.
        Empty,
        /// It becomes null.
        Null,
    }
    /// How it is made sure that the service keeps what was written.
    Verify {
        /// By its answer, where it answers with the account.
        #[default]
        Answer,
        /// The account is read after each write.
        Read,
    }
    /// Whether something is used that not every service has.
    Use {
        /// Where the service says that it has it.
        #[default]
        Auto,
        /// Always, whatever the service says.
        Always,
        /// Never.
        Never,
    }
    /// How `add`, `remove` and `replace` are spelled.
    OpCase {
        /// `replace`.
        #[default]
        Lower,
        /// `Replace`.
        Capital,
    }
    /// Whether each attribute has an operation of its own.
    PatchForm {
        /// An operation with a path for each attribute.
        #[default]
        Paths,
        /// One operation without a path, whose value is an object, for all that is set; lists are written whole.
        Object,
    }
    /// How the manager is written.
    Manager {
        /// `{"value": "26118915"}` (RFC 7643 §4.3).
        #[default]
        Value,
        /// `{"managerId": "26118915"}`, as in SCIM 1.1.
        ManagerId,
        /// The id alone.
        Plain,
    }
    /// Whether ids inside of values are texts or numbers.
    Ids {
        /// `"26118915"`.
        #[default]
        Text,
        /// `26118915`, where the id is a number.
        Number,
    }
    /// How times are written.
    Dates {
        /// `2026-01-31T08:30:00Z`.
        #[default]
        Iso,
        /// Seconds since 1970.
        Epoch,
    }
    /// How an account is taken out of use.
    Deactivate {
        /// As any other change: `active` becomes false.
        #[default]
        Update,
        /// `active` becomes false by PATCH, however other changes are sent.
        Patch,
        /// `active` becomes false by PUT, however other changes are sent.
        Put,
        /// By DELETE, which leaves the account and takes it out of use.
        Delete,
        /// Not at all.
        None,
    }
    /// How an account comes back.
    Reactivate {
        /// As any other change: `active` becomes true.
        #[default]
        Update,
        /// `active` becomes true by PATCH, however other changes are sent.
        Patch,
        /// `active` becomes true by PUT, however other changes are sent.
        Put,
        /// Not at all.
        None,
    }
    /// What a DELETE does.
    Delete {
        /// The account is gone.
        #[default]
        Deletes,
        /// The account is gone for good, and what belonged to it as well.
        Permanent,
        /// The account is out of use, and stays.
        Deactivates,
        /// The account is gone if nobody has ever claimed it; otherwise it is refused.
        Unclaimed,
        /// It is refused.
        None,
    }
    /// Whether a group is answered with its members.
    ShowMembers {
        /// As its answers show: members are looked for, and if none are shown, what was written is remembered.
        #[default]
        Auto,
        /// It is, in lists as well.
        Always,
        /// It never is.
        Never,
    }
    /// How members are removed from a group by PATCH.
    RemoveMembers {
        /// An operation for each, whose path names the member: `members[value eq "2819c223"]`.
        #[default]
        Filter,
        /// One operation, whose value lists the members.
        List,
    }
    /// Whether an account out of use can still be read.
    Inactive {
        /// It can.
        #[default]
        Listed,
        /// It is answered as if it did not exist.
        Gone,
    }
}
