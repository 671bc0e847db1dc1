//! What real service providers do that no RFC has, and that a client's profile need not know: the table `[simulate.quirks]` of a
//! profile. What both sides have to know stands in the profile itself.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Habits beyond the RFCs. The default has none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Whether the endpoints of discovery are there.
    pub discovery: bool,
    /// `totalResults` of a list.
    pub total_results: Total,
    /// How a list names its resources.
    pub resources_key: String,
    /// What comes after the last page, and for a number beyond the end.
    pub beyond_the_end: BeyondTheEnd,
    /// Whether `startIndex` is divided by the size of a page, and so the first page comes twice.
    pub pages_by_number: bool,
    /// What a filter does.
    pub filters: Filters,
    /// What a filter does that names an attribute which cannot be filtered by.
    pub unknown_filters: UnknownFilters,
    /// What a PATCH does.
    pub patches: Patches,
    /// How members are removed from a group by PATCH.
    pub remove_members: RemovedMembers,
    /// Whether a PUT of a group leaves its members as they are.
    pub put_keeps_members: bool,
    /// What a POST is answered with.
    pub create_answer: CreateAnswer,
    /// The status of a DELETE that was done.
    pub delete_status: u16,
    /// The form of errors.
    pub errors: ErrorForm,
    /// Whether each request needs a `User-Agent`.
    pub user_agent: bool,
    /// Attributes that are rewritten before they are kept: path and rule.
    pub rewrites: BTreeMap<String, Rewrite>,
    /// Attributes that are accepted, and not kept.
    pub drops: Vec<String>,
    /// Attributes that are refused.
    pub refuses: Vec<String>,
    /// The status of that.
    pub refuses_with: u16,
    /// Most characters of an attribute; more are refused.
    pub max_length: BTreeMap<String, usize>,
    /// Two attributes that must be the same, such as userName and the first address.
    pub must_equal: Vec<(String, String)>,
    /// Lists of which one element must be marked as primary.
    pub must_be_primary: Vec<String>,
    /// Whether a PUT keeps what it does not name.
    pub put_merges: bool,
    /// Whether lists of which one value is kept are refused when they hold more.
    pub refuses_more_than_one: bool,
    /// Whether null is refused in accounts.
    pub refuses_null: bool,
    /// The word with which an account is refused whose mail address another one has; empty: it is taken.
    pub unique_emails: String,
    /// Values that no account may have, as something else is called so: path and values.
    pub reserved: BTreeMap<String, Vec<String>>,
    /// The userNames of accounts that may not be changed with these credentials.
    pub untouchable: Vec<String>,
    /// Whether the userName of an account that was deleted stays taken.
    pub names_stay_taken: bool,
    /// Domains of addresses in which accounts can be created; none named is all.
    pub verified_domains: Vec<String>,
    /// The number in the error about another domain.
    pub domain_code: i64,
}

/// `totalResults` of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Total {
    /// As many as there are.
    #[default]
    Right,
    /// It is not there.
    Missing,
    /// As many as are on the page.
    OfPage,
    /// More than there are, but for filters.
    TooMany,
}

/// What comes after the last page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeyondTheEnd {
    /// An empty page.
    #[default]
    Nothing,
    /// The last page again.
    LastPage,
}

/// What a filter does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filters {
    /// It selects.
    #[default]
    Right,
    /// It is not regarded.
    Ignored,
    /// It finds nobody.
    Nobody,
}

/// What a filter does that names an attribute which cannot be filtered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownFilters {
    /// It is refused.
    #[default]
    Refused,
    /// It finds nobody.
    Nobody,
}

/// What a PATCH does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Patches {
    /// It changes the resource.
    #[default]
    Right,
    /// It is answered with success, and nothing happens.
    Nothing,
}

/// How members are removed from a group by PATCH, where the profile says: by path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovedMembers {
    /// `members[value eq "ID"]` names one; `members` is all of them (RFC 7644 §3.5.2.2).
    #[default]
    ByPath,
    /// A path that names one is refused. A value with the path `members` lists who goes.
    ByList,
    /// A path that names one is refused. The path `members` is all of them, whatever its value lists.
    Everybody,
    /// Neither is served.
    Unserved,
}

/// What a POST is answered with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreateAnswer {
    /// The resource and its address.
    #[default]
    Whole,
    /// The resource without its id, and no address.
    WithoutId,
}

/// The form of errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorForm {
    /// RFC 7644 §3.12.
    #[default]
    Scim,
    /// `{"Errors": [{"description", "code"}]}`.
    Scim1,
    /// `{"error": {"message", "code"}}`.
    Graph,
    /// A page for people.
    Html,
}

/// How a text is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rewrite {
    /// In small letters.
    Lower,
    /// In capitals.
    Upper,
    /// Small letters and digits, and a dash for everything else.
    Dashes,
    /// Without what follows the `@`.
    LocalPart,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            discovery: true,
            total_results: Total::default(),
            resources_key: "Resources".to_owned(),
            beyond_the_end: BeyondTheEnd::default(),
            pages_by_number: false,
            filters: Filters::default(),
            unknown_filters: UnknownFilters::default(),
            patches: Patches::default(),
            remove_members: RemovedMembers::default(),
            put_keeps_members: false,
            create_answer: CreateAnswer::default(),
            delete_status: 204,
            errors: ErrorForm::default(),
            user_agent: false,
            rewrites: BTreeMap::new(),
            drops: Vec::new(),
            refuses: Vec::new(),
            refuses_with: 400,
            max_length: BTreeMap::new(),
            must_equal: Vec::new(),
            must_be_primary: Vec::new(),
            put_merges: false,
            refuses_more_than_one: false,
            refuses_null: false,
            unique_emails: String::new(),
            reserved: BTreeMap::new(),
            untouchable: Vec::new(),
            names_stay_taken: false,
            verified_domains: Vec::new(),
            domain_code: 0,
        }
    }
}

impl Rewrite {
    /// The text as it is kept.
    pub(crate) fn apply(self, text: &str) -> String {
        match self {
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::Dashes => text
                .to_lowercase()
                .chars()
                .map(|letter| if letter.is_alphanumeric() { letter } else { '-' })
                .collect(),
            Self::LocalPart => text.split('@').next().unwrap_or_default().to_owned(),
        }
    }
}
