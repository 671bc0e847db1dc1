//! Any bytes are a message, an entry, a control, a schema and a name, or an error.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peoplesync_ldap::LdapConfig;
use peoplesync_ldap::fuzzing::Decoder;

const SETTINGS: &str = "servers = [\"ldaps://a\"]\nkey = \"employeeNumber\"\nreferences = [\"manager\"]\nbases = [{ dn = \"dc=x\" }]";

static DECODER: LazyLock<Decoder> = LazyLock::new(|| {
    let config: LdapConfig = toml::from_str(SETTINGS).expect("the settings are right");
    Decoder::new(&config)
});

fuzz_target!(|bytes: &[u8]| DECODER.decode(bytes));
