//! The schema and message URNs of RFC 7643 and RFC 7644, and the rule that maps SCIM 1.1 names to 2.0.
//! Provider extensions are not listed: they are data of a profile.

use std::borrow::Cow;

/// The core User schema (RFC 7643 §4.1).
pub const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The core Group schema (RFC 7643 §4.2).
pub const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The Enterprise User extension (RFC 7643 §4.3).
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schema of schemas (RFC 7643 §7).
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// Resource types (RFC 7643 §6).
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// What a service provider can do (RFC 7643 §5).
pub const SERVICE_PROVIDER_CONFIG: &str =
    "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// A page of resources (RFC 7644 §3.4.2).
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// A query sent by POST (RFC 7644 §3.4.3).
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// A PATCH request (RFC 7644 §3.5.2).
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// An error answer (RFC 7644 §3.12).
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// A bulk request (RFC 7644 §3.7).
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// A bulk answer (RFC 7644 §3.7).
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// The core schema of SCIM 1.1, for users and groups alike.
const CORE_1: &str = "urn:scim:schemas:core:1.0";
/// How extension URNs began in SCIM 1.1.
const EXTENSION_1: &str = "urn:scim:schemas:extension:";
/// How they begin in SCIM 2.0.
const EXTENSION_2: &str = "urn:ietf:params:scim:schemas:extension:";

/// The SCIM 2.0 form of a schema URN.
///
/// SCIM 1.1 named extensions `urn:scim:schemas:extension:NAME:1.0`. Their 2.0 names are
/// `urn:ietf:params:scim:schemas:extension:NAME:2.0:User`, without underscores in NAME. URNs of any
/// other form come back as they are.
pub fn canonical(urn: &str) -> Cow<'_, str> {
    let name =
        strip_prefix_ignore_case(urn, EXTENSION_1).and_then(|rest| rest.strip_suffix(":1.0"));
    match name {
        Some(name) => Cow::Owned(format!(
            "urn:ietf:params:scim:schemas:extension:{}:2.0:User",
            name.replace('_', "")
        )),
        None => Cow::Borrowed(urn),
    }
}

/// The SCIM 1.1 form of a schema URN, the way back from [`canonical`]: both core schemas are one there. Underscores that
/// `canonical` took away do not come back.
pub fn scim_1(urn: &str) -> Cow<'_, str> {
    if is_core(urn) {
        return Cow::Borrowed(CORE_1);
    }
    let name = strip_prefix_ignore_case(urn, EXTENSION_2).and_then(|rest| {
        rest.strip_suffix(":2.0:User").or_else(|| rest.strip_suffix(":2.0:Group"))
    });
    name.map_or(Cow::Borrowed(urn), |name| Cow::Owned(format!("{EXTENSION_1}{name}:1.0")))
}

/// Whether two schema URNs name the same schema: letter case and the SCIM 1.1 spelling do not count.
pub fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || canonical(a).eq_ignore_ascii_case(&canonical(b))
}

/// Whether this is a core User or Group schema, in SCIM 2.0 or 1.1.
pub fn is_core(urn: &str) -> bool {
    [CORE_USER, CORE_GROUP, CORE_1].iter().any(|core| core.eq_ignore_ascii_case(urn))
}

/// `text` without `prefix`, whose letter case does not count.
pub(crate) fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_scim_1_get_their_form_of_scim_2() {
        let show = |urn| canonical(urn).into_owned();
        assert_eq!(show("urn:scim:schemas:extension:enterprise:1.0"), ENTERPRISE_USER);
        assert_eq!(
            show("URN:scim:schemas:extension:vendor:auth_method:1.0"),
            "urn:ietf:params:scim:schemas:extension:vendor:authmethod:2.0:User"
        );
        assert_eq!(show("urn:example:thing:1.0"), "urn:example:thing:1.0");
        assert!(same("urn:scim:schemas:extension:enterprise:1.0", &ENTERPRISE_USER.to_uppercase()));
        assert!(!same(CORE_USER, CORE_GROUP));
        assert_eq!(scim_1(ENTERPRISE_USER), "urn:scim:schemas:extension:enterprise:1.0");
        assert_eq!(scim_1(CORE_GROUP), CORE_1);
        assert_eq!(scim_1("urn:example:thing"), "urn:example:thing");
    }
}
