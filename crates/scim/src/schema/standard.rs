//! The attribute tables of RFC 7643 §3.1 and §8.7.1. Where the JSON of the RFC contradicts its own text
//! (a Group needs a displayName; references and binary values are case exact; addresses have a primary), the text is followed.

use super::{Attribute, Kind, Mutability, Returned, Schema, Uniqueness};
use crate::urn;

/// Core User (RFC 7643 §4.1).
pub(super) fn user() -> Schema {
    let attributes = vec![
        text("userName", "Name to sign in with; unique at the service provider")
            .required()
            .unique(Uniqueness::Server),
        complex(
            "name",
            "The parts of the person's name",
            vec![
                text("formatted", "The whole name as it is shown"),
                text("familyName", "Last name"),
                text("givenName", "First name"),
                text("middleName", "Middle names"),
                text("honorificPrefix", "Title before the name, such as Dr"),
                text("honorificSuffix", "Suffix after the name, such as III"),
            ],
        ),
        text("displayName", "The name to show to others"),
        text("nickName", "What the person is called"),
        reference("profileUrl", "Address of the person's profile page", &["external"]),
        text("title", "Job title"),
        text("userType", "Relation to the organisation, such as Employee or Contractor"),
        text("preferredLanguage", "Languages, as in the HTTP header Accept-Language"),
        text("locale", "For dates, numbers and currency, such as en-GB"),
        text("timezone", "IANA time zone, such as Europe/Berlin"),
        kind("active", Kind::Boolean, "Whether the account may be used"),
        text("password", "Password in clear text; is never returned")
            .mutability(Mutability::WriteOnly)
            .returned(Returned::Never),
        plural(
            "emails",
            "E-mail addresses",
            text("value", "The address"),
            &["work", "home", "other"],
        ),
        plural(
            "phoneNumbers",
            "Phone numbers",
            text("value", "The number, best in the form of RFC 3966"),
            &["work", "home", "mobile", "fax", "pager", "other"],
        ),
        plural(
            "ims",
            "Instant messaging addresses",
            text("value", "The address"),
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ),
        plural(
            "photos",
            "Pictures of the person",
            reference("value", "Address of the picture", &["external"]),
            &["photo", "thumbnail"],
        ),
        complex(
            "addresses",
            "Postal addresses",
            vec![
                text("formatted", "The whole address, with line breaks"),
                text("streetAddress", "Street, house number, post office box"),
                text("locality", "City"),
                text("region", "State or region"),
                text("postalCode", "Postal code"),
                text("country", "Country, as ISO 3166-1 alpha-2"),
                text("type", "What it is for").canonical(&["work", "home", "other"]),
                primary(),
            ],
        )
        .many(),
        complex(
            "groups",
            "Groups that the person belongs to; changed through the groups",
            vec![
                text("value", "Id of the group").mutability(Mutability::ReadOnly),
                reference("$ref", "Address of the group", &["User", "Group"])
                    .mutability(Mutability::ReadOnly),
                text("display", "Name of the group").mutability(Mutability::ReadOnly),
                text("type", "Whether by another group")
                    .canonical(&["direct", "indirect"])
                    .mutability(Mutability::ReadOnly),
            ],
        )
        .many()
        .mutability(Mutability::ReadOnly),
        plural("entitlements", "What the person has a right to", text("value", "The right"), &[]),
        plural("roles", "Roles of the person", text("value", "The role"), &[]),
        plural(
            "x509Certificates",
            "Certificates",
            kind("value", Kind::Binary, "The certificate, DER in base64"),
            &[],
        ),
    ];
    schema(urn::CORE_USER, "User", "User account", attributes)
}

/// Core Group (RFC 7643 §4.2).
pub(super) fn group() -> Schema {
    let attributes = vec![
        text("displayName", "Name of the group").required(),
        complex(
            "members",
            "Who belongs to the group",
            vec![
                text("value", "Id of the member").mutability(Mutability::Immutable),
                reference("$ref", "Address of the member", &["User", "Group"])
                    .mutability(Mutability::Immutable),
                text("type", "What the member is")
                    .canonical(&["User", "Group"])
                    .mutability(Mutability::Immutable),
                text("display", "Name of the member").mutability(Mutability::Immutable),
            ],
        )
        .many(),
    ];
    schema(urn::CORE_GROUP, "Group", "Group of users", attributes)
}

/// Enterprise User (RFC 7643 §4.3).
pub(super) fn enterprise_user() -> Schema {
    let attributes = vec![
        text("employeeNumber", "Number or code given by the organisation"),
        text("costCenter", "Cost centre"),
        text("organization", "Organisation"),
        text("division", "Division"),
        text("department", "Department"),
        complex(
            "manager",
            "The person's manager",
            vec![
                text("value", "Id of the manager's account"),
                reference("$ref", "Address of the manager's account", &["User"]),
                text("displayName", "Name of the manager").mutability(Mutability::ReadOnly),
            ],
        ),
    ];
    schema(urn::ENTERPRISE_USER, "Enterprise User", "User of an organisation", attributes)
}

/// What all resources have (RFC 7643 §3 and §3.1).
pub(super) fn common() -> Vec<Attribute> {
    vec![
        reference("schemas", "URNs of the schemas that the resource uses", &["uri"])
            .many()
            .required()
            .returned(Returned::Always),
        text("id", "Identifier given by the service provider")
            .exact()
            .required()
            .unique(Uniqueness::Server)
            .mutability(Mutability::ReadOnly)
            .returned(Returned::Always),
        text("externalId", "Identifier given by the client").exact(),
        complex(
            "meta",
            "About the resource itself",
            vec![
                text("resourceType", "User or Group").exact().mutability(Mutability::ReadOnly),
                kind("created", Kind::DateTime, "When it was created")
                    .mutability(Mutability::ReadOnly),
                kind("lastModified", Kind::DateTime, "When it was changed last")
                    .mutability(Mutability::ReadOnly),
                reference("location", "Its address", &["uri"]).mutability(Mutability::ReadOnly),
                text("version", "Its version, as in the header ETag")
                    .exact()
                    .mutability(Mutability::ReadOnly),
            ],
        )
        .mutability(Mutability::ReadOnly),
    ]
}

fn schema(id: &str, name: &str, description: &str, attributes: Vec<Attribute>) -> Schema {
    Schema { id: id.into(), name: name.into(), description: description.into(), attributes }
}

fn kind(name: &str, kind: Kind, description: &str) -> Attribute {
    Attribute {
        name: name.into(),
        kind,
        multi_valued: false,
        description: description.into(),
        required: false,
        canonical_values: Vec::new(),
        case_exact: matches!(kind, Kind::Reference | Kind::Binary),
        mutability: Mutability::default(),
        returned: Returned::default(),
        uniqueness: Uniqueness::default(),
        reference_types: Vec::new(),
        sub_attributes: Vec::new(),
    }
}

fn text(name: &str, description: &str) -> Attribute {
    kind(name, Kind::String, description)
}

fn reference(name: &str, description: &str, to: &[&str]) -> Attribute {
    let reference_types = to.iter().map(ToString::to_string).collect();
    Attribute { reference_types, ..kind(name, Kind::Reference, description) }
}

fn complex(name: &str, description: &str, sub_attributes: Vec<Attribute>) -> Attribute {
    Attribute { sub_attributes, ..kind(name, Kind::Complex, description) }
}

/// A list with the default sub-attributes of RFC 7643 §2.4.
fn plural(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    let subs = vec![
        value,
        text("display", "What to show"),
        text("type", "What it is for").canonical(types),
        primary(),
    ];
    complex(name, description, subs).many()
}

fn primary() -> Attribute {
    kind("primary", Kind::Boolean, "Whether it is the preferred one; at most one is")
}

impl Attribute {
    fn many(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    fn mutability(self, mutability: Mutability) -> Self {
        Self { mutability, ..self }
    }

    fn returned(self, returned: Returned) -> Self {
        Self { returned, ..self }
    }

    fn unique(self, uniqueness: Uniqueness) -> Self {
        Self { uniqueness, ..self }
    }

    fn canonical(self, values: &[&str]) -> Self {
        Self { canonical_values: values.iter().map(ToString::to_string).collect(), ..self }
    }
}
