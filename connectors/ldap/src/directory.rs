//! What a server says of itself: kind, naming contexts, controls, schema.

use peoplesync_source::Error;

use crate::connection::{Connection, SUCCESS, refused};
use crate::schema::Schema;
use crate::wire::{Depth, Filter};

/// The facts about a server that decide how it is read.
#[derive(Debug)]
pub(crate) struct Directory {
    /// "OpenLDAP", "Active Directory", …
    pub(crate) kind: String,
    pub(crate) is_active_directory: bool,
    pub(crate) contexts: Vec<String>,
    pub(crate) controls: Vec<String>,
    /// Empty where it cannot be read.
    pub(crate) schema: Schema,
    /// The update sequence number of Active Directory, and the server that counts it.
    pub(crate) usn: Option<(u64, String)>,
}

/// What makes a server an Active Directory.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

const ROOT: [&str; 10] = [
    "objectClass",
    "namingContexts",
    "defaultNamingContext",
    "supportedControl",
    "supportedCapabilities",
    "subschemaSubentry",
    "vendorName",
    "vendorVersion",
    "highestCommittedUSN",
    "dsServiceName",
];

impl Directory {
    /// Asks the server.
    pub(crate) async fn ask(connection: &mut Connection) -> Result<Self, Error> {
        let anything = Filter::present("objectClass");
        let (found, outcome) = connection.read("", Depth::Base, &anything, &ROOT, &[]).await?;
        if outcome.code != SUCCESS {
            return Err(refused(&connection.server, "to say what it is", &outcome));
        }
        // A server may hide it; then the least is assumed.
        let root = found.into_iter().next().unwrap_or_default();
        let list = |name: &str| root.texts(name).map(str::to_owned).collect::<Vec<_>>();
        let is_active_directory =
            root.texts("supportedCapabilities").any(|oid| oid == ACTIVE_DIRECTORY);
        let vendor = root.text("vendorName").unwrap_or_default();
        let product = if vendor.contains("Samba") {
            "Active Directory (Samba)".to_owned()
        } else if is_active_directory {
            "Active Directory".to_owned()
        } else if root.texts("objectClass").any(|class| class == "OpenLDAProotDSE") {
            "OpenLDAP".to_owned()
        } else if vendor.is_empty() {
            "an LDAP server".to_owned()
        } else {
            vendor.to_owned()
        };
        let kind = match root.text("vendorVersion") {
            Some(version) => format!("{product} {version}"),
            None => product,
        };
        let mut contexts = list("namingContexts");
        if let Some(default) = root.text("defaultNamingContext") {
            // The one with the people comes first.
            contexts.retain(|context| context != default);
            contexts.insert(0, default.to_owned());
        }
        let usn = root.text("highestCommittedUSN").and_then(|usn| usn.parse().ok());
        let usn = usn.zip(root.text("dsServiceName").map(str::to_owned));
        let schema = match root.text("subschemaSubentry") {
            Some(dn) => schema(connection, dn).await?,
            None => Schema::default(),
        };
        let controls = list("supportedControl");
        Ok(Self { kind, is_active_directory, contexts, controls, schema, usn })
    }

    /// Whether the server has this control; one that does not list any may have it.
    pub(crate) fn may_have(&self, control: &str) -> bool {
        self.controls.is_empty() || self.has(control)
    }

    /// Whether the server says that it has this control.
    pub(crate) fn has(&self, control: &str) -> bool {
        self.controls.iter().any(|found| found == control)
    }

    /// The naming context that an entry is in.
    pub(crate) fn context_of(&self, dn: &str) -> Option<&str> {
        let dn = crate::dn::normal(dn);
        let holding = self.contexts.iter().filter(|context| {
            let context = crate::dn::normal(context);
            dn == context || dn.ends_with(&format!(",{context}"))
        });
        holding.max_by_key(|context| context.len()).map(String::as_str)
    }
}

/// The attributes that the server knows; none if it does not tell.
async fn schema(connection: &mut Connection, dn: &str) -> Result<Schema, Error> {
    let filter = Filter::equal("objectClass", b"subschema");
    let read = connection.read(dn, Depth::Base, &filter, &["attributeTypes"], &[]);
    let (found, _) = read.await?;
    let definitions = found.first().map(|entry| entry.texts("attributeTypes"));
    Ok(Schema::new(definitions.into_iter().flatten()))
}
