#![doc = include_str!("../README.md")]
mod changes;
mod check;
mod columns;
mod config;
mod connection;
mod directory;
mod dn;
mod form;
#[doc(hidden)]
pub mod fuzzing;
mod intake;
mod pages;
mod primary;
mod records;
mod referral;
mod schema;
mod side;
mod source;
mod value;
mod wire;

use peoplesync_source::{Connector, Error, Source};

pub use config::{
    Base, Bind, ClientCertificate, ExpectEntry, LdapConfig, Method, Referrals, Scope,
};
use source::LdapSource;

/// The connector of kind `ldap`.
#[derive(Debug)]
pub struct Ldap;

impl Connector for Ldap {
    const KIND: &'static str = "ldap";
    const EXAMPLE: &'static str = include_str!("../example.toml");
    type Config = LdapConfig;

    fn build(config: LdapConfig) -> Result<Box<dyn Source>, Error> {
        Ok(Box::new(LdapSource::new(config)?))
    }
}
