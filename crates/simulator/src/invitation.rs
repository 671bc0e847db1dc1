//! How people come into possession of their accounts, where the profile says that they are invited: an account tells whether its
//! person was, and how it is claimed until that has happened.

use peoplesync_scim::Path;
use peoplesync_scim::profile::Invitations;
use peoplesync_scim::resource::{clear, get, set};
use serde_json::Value as Json;

use crate::Error;

/// The attributes of an account that say so.
#[derive(Debug)]
pub(crate) struct Invitation {
    invited: Option<Path>,
    claimed: Path,
    link: Option<Path>,
    code: Option<Path>,
}

impl Invitation {
    /// What the profile says, if it says that accounts are claimed.
    pub(crate) fn of(profile: &Invitations) -> Result<Option<Self>, Error> {
        let path = |text: &str| match text {
            "" => Ok(None),
            text => Path::parse(text).map(Some).map_err(|error| {
                Error::new(format!("the path `{text}` of a profile")).because(error)
            }),
        };
        let Some(claimed) = path(&profile.claimed)? else { return Ok(None) };
        Ok(Some(Self {
            claimed,
            invited: path(&profile.invited)?,
            link: path(&profile.link)?,
            code: path(&profile.code)?,
        }))
    }

    pub(crate) fn is_claimed(&self, account: &Json) -> bool {
        get(account, &self.claimed) == Some(&Json::Bool(true))
    }

    /// Brings an account in line: nobody is invited or has claimed it as long as nobody says so, and who was invited is told how
    /// to claim it: by a link in a mail, or by a code.
    pub(crate) fn settle(&self, account: &mut Json) {
        for path in self.invited.iter().chain([&self.claimed]) {
            if get(account, path).is_none() {
                set(account, path, false.into());
            }
        }
        let invited =
            self.invited.as_ref().is_none_or(|path| get(account, path) == Some(&Json::Bool(true)));
        let name = account["userName"].as_str().map(str::to_owned);
        let key = account["externalId"].as_str().map(str::to_owned);
        let is_open = invited && !self.is_claimed(account);
        let (link, code) = match (name, key) {
            (Some(name), _) if is_open => (Some(format!("https://claim.example.com/{name}")), None),
            (None, Some(key)) if is_open => (None, Some(format!("CODE-{key}"))),
            _ => (None, None),
        };
        for (path, value) in [(&self.link, link), (&self.code, code)] {
            match (path, value) {
                (Some(path), Some(value)) => drop(set(account, path, value.into())),
                (Some(path), None) => clear(account, path),
                (None, _) => {}
            }
        }
    }
}
