//! URLs: the base, one resource below it, and the way back from a `Location` to an id.
//! Written by hand where the `url` crate is too kind: it drops tabs and resolves dot segments.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

use super::error::{ClientError, Kind};

/// RFC 3986 §2.3: what may stand in a segment or a query value for itself everywhere. A space
/// becomes `%20`, not `+`, which not every server reads as a space.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The target's base URL, checked.
#[derive(Debug, Clone)]
pub(super) struct Base {
    url: Url,
    /// Path without a slash at its end, still percent-encoded.
    path: String,
}

impl Base {
    pub(super) fn parse(text: &str, allow_plain_http: bool) -> Result<Self, ClientError> {
        let shown = without_userinfo(text.split(['?', '#']).next().unwrap_or_default());
        let config = |message: String| ClientError::new(Kind::Config, message);
        let url = Url::parse(text).map_err(|source| {
            config(format!(
                "cannot read the URL {shown:?}, expected something like \"https://scim.example.com/v2\""
            ))
            .because(source)
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(config(format!(
                "the URL {shown:?} begins with {:?}, expected \"https://\"",
                format!("{}:", url.scheme())
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(config(format!(
                "the URL {shown:?} holds a user name or a password; they belong in `auth`"
            )));
        }
        if url.fragment().is_some() {
            return Err(config(format!(
                "the URL {shown:?} has a part after \"#\", which is never sent to a server"
            )));
        }
        let base = Self { path: url.path().trim_end_matches('/').to_owned(), url };
        if base.url.scheme() == "http" && !base.is_loopback() && !allow_plain_http {
            return Err(config(format!(
                "the URL {shown:?} is plain http, which would send credentials and people readable \
                 over the network; use https, or set `allow_plain_http`"
            )));
        }
        Ok(base)
    }

    pub(super) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether the host is this machine by its very name, without asking a name server.
    pub(super) fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name.trim_end_matches('.') == "localhost",
            None => false,
        }
    }

    /// The same for every way to write the URL of one target. On this machine ports come and go, so there they do not count.
    fn identity(&self) -> String {
        let host = if self.is_loopback() { "localhost" } else { self.authority() };
        let query = self.url.query().filter(|query| !query.is_empty());
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        format!("{}://{host}{}{query}", self.url.scheme(), self.path)
    }

    /// Host and port, for messages.
    pub(super) fn authority(&self) -> &str {
        self.url.authority()
    }

    /// `endpoint` is a literal such as `/Users`; the id, if any, becomes exactly one segment below
    /// it. The base's own query comes first.
    pub(super) fn url(
        &self,
        endpoint: &str,
        id: Option<&str>,
        query: &[(&str, Option<String>)],
    ) -> Url {
        let path = format!("{}{}", self.path, relative(endpoint, id));
        let mut url = self.url.clone();
        url.set_path(&path);
        if !query.is_empty() {
            let own = query.iter().map(|(name, value)| match value {
                Some(value) => format!("{name}={}", utf8_percent_encode(value, ESCAPED)),
                None => (*name).to_owned(),
            });
            let base = self.url.query().filter(|query| !query.is_empty()).map(str::to_owned);
            let all: Vec<String> = base.into_iter().chain(own).collect();
            url.set_query(Some(&all.join("&")));
        }
        url
    }
}

/// The path of a resource below the base URL.
pub(super) fn relative(endpoint: &str, id: Option<&str>) -> String {
    let mut path = endpoint.to_owned();
    if let Some(id) = id {
        path.push('/');
        path.extend(utf8_percent_encode(id, ESCAPED));
    }
    path
}

/// What stands last in a path or URL, decoded.
pub(super) fn last_segment(path: &str) -> Option<String> {
    let path = path.trim().split(['?', '#']).next()?.trim_end_matches('/');
    let last = percent_decode_str(path.rsplit('/').next()?).decode_utf8().ok()?;
    (!last.is_empty()).then(|| last.into_owned())
}

/// A target's URL in one spelling, to tell it from others: without a slash at its end and without a port that goes without
/// saying; on loopback without any.
///
/// # Errors
/// [`Kind::Config`]: it is no URL of a target.
pub fn identity(base_url: &str) -> Result<String, ClientError> {
    // Whether plain http is allowed is a question for whoever connects.
    Ok(Base::parse(base_url, true)?.identity())
}

/// Whether the id can be addressed at all. An empty one would hit the whole collection, and `.`
/// and `..`, encoded or not, are path steps for every URL parser (WHATWG URL §4.4).
pub(super) fn check_id(id: &str) -> Result<(), ClientError> {
    match id {
        "" => Err(ClientError::new(Kind::Config, "the id of the resource is empty")),
        "." | ".." => {
            Err(ClientError::new(Kind::Config, format!("the id {id:?} cannot stand in a URL")))
        }
        _ => Ok(()),
    }
}

/// The id in a `Location`, absolute or relative: the segment after the last `endpoint`
/// (`/Users`), decoded. `None` for a location that names no single resource, and for the
/// `undefined` or `null` of a server that has lost the id itself.
pub(super) fn id_of_location(location: &str, endpoint: &str) -> Option<String> {
    let path = location.trim().split(['?', '#']).next()?;
    let endpoint = endpoint.trim_start_matches('/');
    let mut segments = path.rsplit('/').skip_while(|segment| segment.is_empty());
    let last = segments.next()?;
    if !segments.next()?.eq_ignore_ascii_case(endpoint) {
        return None;
    }
    let id = percent_decode_str(last).decode_utf8().ok()?.into_owned();
    (!matches!(id.as_str(), "" | "undefined" | "null" | "None")).then_some(id)
}

/// The same URL text without `user:password@`, for messages.
pub(super) fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '\\']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((userinfo, _)) => match rest.strip_prefix(userinfo) {
            Some(host) => format!("{scheme}://***{host}"),
            None => format!("{scheme}://***"),
        },
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, id: Option<&str>, query: &[(&str, &str)]) -> String {
        let query: Vec<_> = query.iter().map(|(n, v)| (*n, Some((*v).to_owned()))).collect();
        Base::parse(base, false).unwrap().url("/Users", id, &query).to_string()
    }

    fn refused(base: &str) -> String {
        Base::parse(base, false).unwrap_err().to_string()
    }

    #[test]
    fn a_base_url_keeps_its_path() {
        assert_eq!(check("https://h/scim/v2", None, &[]), "https://h/scim/v2/Users");
        assert_eq!(check("https://h/scim/v2/", None, &[]), "https://h/scim/v2/Users");
        assert_eq!(check("https://h/a%2Fb/", Some("7"), &[]), "https://h/a%2Fb/Users/7");
        assert_eq!(check("https://h", None, &[]), "https://h/Users");
    }

    #[test]
    fn one_target_has_one_identity() {
        for url in ["https://Scim.Example.com/v2", "https://scim.example.com:443/v2/"] {
            assert_eq!(identity(url).unwrap(), "https://scim.example.com/v2");
        }
        assert_eq!(identity("https://h/?tenant=a").unwrap(), "https://h?tenant=a");
        assert_eq!(identity("https://h:8443/a").unwrap(), "https://h:8443/a");
        for url in ["http://127.0.0.1:9001/scim/v2", "http://localhost:80/scim/v2/"] {
            assert_eq!(identity(url).unwrap(), "http://localhost/scim/v2");
        }
        assert!(identity("scim.example.com").is_err());
    }

    #[test]
    fn a_base_url_with_a_query_sends_it_with_every_request() {
        assert_eq!(check("https://h/v2?tenant=a", None, &[]), "https://h/v2/Users?tenant=a");
        assert_eq!(
            check("https://h/v2?tenant=a", Some("7"), &[("startIndex", "1")]),
            "https://h/v2/Users/7?tenant=a&startIndex=1"
        );
        assert_eq!(check("https://h/v2?", None, &[("count", "5")]), "https://h/v2/Users?count=5");
    }

    #[test]
    fn a_filter_is_encoded_so_that_every_server_reads_it() {
        assert_eq!(
            check("https://h", None, &[("filter", r#"userName eq "a+b&c=é""#)]),
            "https://h/Users?filter=userName%20eq%20%22a%2Bb%26c%3D%C3%A9%22"
        );
    }

    #[test]
    fn an_id_is_one_segment_whatever_it_holds() {
        let hostile = "a/../b?c#d%2F\\e\tf é";
        let url = check("https://h/v2", Some(hostile), &[]);
        assert_eq!(url, "https://h/v2/Users/a%2F..%2Fb%3Fc%23d%252F%5Ce%09f%20%C3%A9");
        assert_eq!(id_of_location(&url, "/Users").as_deref(), Some(hostile));
    }

    #[test]
    fn an_id_that_is_a_path_step_is_refused() {
        for id in ["", ".", ".."] {
            assert_eq!(check_id(id).unwrap_err().kind, Kind::Config, "{id:?}");
        }
        check_id("...").unwrap();
    }

    #[test]
    fn plain_http_is_refused_beyond_loopback() {
        for base in
            ["http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:1/v2", "http://localhost"]
        {
            Base::parse(base, false).unwrap();
        }
        for base in [
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.nip.io",
            "http://[::2]",
        ] {
            assert_eq!(Base::parse(base, false).unwrap_err().kind, Kind::Config, "{base}");
            Base::parse(base, true).unwrap();
        }
        insta::assert_snapshot!(refused("http://scim.example.com/v2?key=hidden"), @r#"the URL "http://scim.example.com/v2" is plain http, which would send credentials and people readable over the network; use https, or set `allow_plain_http`"#);
    }

    #[test]
    fn a_bad_base_url_is_explained_without_its_secrets() {
        insta::assert_snapshot!(refused("scim.example.com/v2"), @r#"cannot read the URL "scim.example.com/v2", expected something like "https://scim.example.com/v2""#);
        insta::assert_snapshot!(refused("ftp://scim.example.com"), @r#"the URL "ftp://scim.example.com" begins with "ftp:", expected "https://""#);
        insta::assert_snapshot!(refused("https://ann:pass@word@h/v2"), @r#"the URL "https://***@h/v2" holds a user name or a password; they belong in `auth`"#);
        insta::assert_snapshot!(refused("https://h/v2#users"), @r##"the URL "https://h/v2" has a part after "#", which is never sent to a server"##);
    }

    #[test]
    fn an_id_is_read_from_a_location() {
        let id = |location| id_of_location(location, "/Users");
        assert_eq!(id("https://h/v2/Users/42").as_deref(), Some("42"));
        assert_eq!(id("/v2/users/42/").as_deref(), Some("42"));
        assert_eq!(id("Users/a%2Fb?x=1").as_deref(), Some("a/b"));
    }

    #[test]
    fn a_useless_location_gives_no_id() {
        for location in [
            "",
            "/",
            "https://h/v2/Users",
            "https://h/v2/Users/",
            "/Users/undefined",
            "/Users/null",
            "/Groups/7",
            "42",
        ] {
            assert_eq!(id_of_location(location, "/Users"), None, "{location:?}");
        }
    }
}
