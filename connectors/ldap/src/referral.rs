//! Referrals: where the server says that the rest is (RFC 4511, section 4.1.10; RFC 4516).

use percent_encoding::percent_decode_str;
use url::Url;

use crate::connection::Server;
use crate::dn;
use crate::wire::Depth;

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Referral {
    pub(crate) server: Server,
    /// The DN to go on at, if it is another.
    pub(crate) dn: Option<String>,
    pub(crate) depth: Option<Depth>,
}

/// The parts of an Active Directory that are about itself: every search of a domain's top refers to them, and nobody is there.
const HOUSEKEEPING: [&str; 3] = ["cn=configuration,", "dc=domaindnszones,", "dc=forestdnszones,"];

impl Referral {
    /// The first of these URLs that is one of LDAP: they are alternatives.
    pub(crate) fn first(urls: &[String]) -> Option<Self> {
        urls.iter().find_map(|text| Self::parse(text))
    }

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let tls = match url.scheme() {
            "ldap" => false,
            "ldaps" => true,
            _ => return None,
        };
        let server = Server::of_url(&url, tls)?;
        let path = url.path().trim_start_matches('/');
        let name = percent_decode_str(path).decode_utf8_lossy().into_owned();
        let depth = match url.query().unwrap_or_default().split('?').nth(1) {
            Some("base") => Some(Depth::Base),
            Some("one") => Some(Depth::One),
            Some("sub") => Some(Depth::Subtree),
            _ => None,
        };
        Some(Self { server, dn: Some(name).filter(|name| !name.is_empty()), depth })
    }

    /// Whether it leads to a part of Active Directory where nobody can be.
    pub(crate) fn is_housekeeping(&self) -> bool {
        let name = self.dn.as_deref().map(dn::normal).unwrap_or_default();
        HOUSEKEEPING.iter().any(|start| name.starts_with(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn referrals_say_where_to_go_on() {
        let parse = |text: &str| match Referral::parse(text) {
            None => "none".to_owned(),
            Some(referral) => format!(
                "{} {:?} {:?} {}",
                referral.server,
                referral.dn,
                referral.depth,
                referral.is_housekeeping()
            ),
        };
        let shown = [
            "ldap://b.example.com/ou=people,dc=example,dc=com??sub",
            "ldaps://b.example.com:1636/ou=a%20b,dc=x??base",
            "ldap://b.example.com",
            "ldaps://ad.bed.test/CN=Configuration,DC=ad,DC=bed,DC=test",
            "http://b.example.com/x",
            "ldap:///dc=x",
            "nonsense",
        ]
        .map(parse);
        insta::assert_snapshot!(shown.join("\n"), @r#"
        ldap://b.example.com:389 Some("ou=people,dc=example,dc=com") Some(Subtree) false
        ldaps://b.example.com:1636 Some("ou=a b,dc=x") Some(Base) false
        ldap://b.example.com:389 None None false
        ldaps://ad.bed.test:636 Some("CN=Configuration,DC=ad,DC=bed,DC=test") None true
        none
        none
        none
        "#);
    }
}
