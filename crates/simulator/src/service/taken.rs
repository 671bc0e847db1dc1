//! What an account cannot have although no other account has it now, or where the RFCs would let two share it.

use peoplesync_scim::error::scim_type;
use peoplesync_scim::{Resource, ScimError};
use serde_json::{Map, Value as Json};

use super::Service;
use crate::store::{Lookup, RowRef, Store};

impl Service {
    /// Refuses the name of an account that was deleted and the mail address of another one, where both stay taken.
    pub(super) fn check_taken(
        &self,
        store: &Store,
        new: &Map<String, Json>,
        this: Option<&RowRef>,
    ) -> Result<(), ScimError> {
        let taken = |detail: &str| Err(ScimError::new(409, scim_type::UNIQUENESS, detail));
        let quirks = &self.habits.quirks;
        let name = new.get("userName").and_then(Json::as_str).unwrap_or_default();
        if store.is_kept_name(name) {
            return taken(&format!("userName `{name}` is that of an account that was deleted"));
        }
        if quirks.unique_emails.is_empty() {
            return Ok(());
        }
        let emails = new.get("emails").and_then(Json::as_array).into_iter().flatten();
        for email in emails.filter_map(|email| email["value"].as_str()) {
            let owners = store.table(Resource::User).lookup(&Lookup::Value("emails", email));
            if owners.iter().any(|owner| this.is_none_or(|this| this.id != owner.id)) {
                return taken(&quirks.unique_emails);
            }
        }
        Ok(())
    }
}
