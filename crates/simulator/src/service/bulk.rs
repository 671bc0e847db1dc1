//! Bulk requests (RFC 7644 §3.7): many operations in one request. Each is carried out as a request of its own would be, and has a status
//! of its own.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use axum::http::header::{self, HeaderValue};
use axum::http::{Method, Request, StatusCode};
use peoplesync_scim::error::scim_type;
use peoplesync_scim::{ScimError, urn};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use super::{BASE, Reply, Service, body, json_reply, segments};
use crate::behaviour::Bulk;

/// How a value or a path names a resource that is created in the same request.
const REFERENCE: &str = "bulkId:";

/// What becomes of a single operation before it is carried out: an answer in its place, or nothing.
pub(crate) type Meddle<'a> = dyn Fn(&Request<Bytes>) -> Option<Reply> + 'a;

/// A bulk request, as it was sent.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default)]
    schemas: Json,
    #[serde(default, rename = "failOnErrors")]
    fail_on_errors: Json,
    #[serde(default, borrow, rename = "Operations")]
    operations: Vec<Sent<'a>>,
}

/// One operation, as it was sent.
#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(default)]
    method: Json,
    #[serde(default)]
    path: Json,
    #[serde(default, rename = "bulkId")]
    bulk_id: Json,
    #[serde(default)]
    version: Json,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// One operation.
struct Operation<'a> {
    method: String,
    path: String,
    bulk_id: Option<String>,
    version: Option<String>,
    data: &'a str,
}

impl Service {
    pub(super) fn bulk(
        &self,
        limits: &Bulk,
        request: &Request<Bytes>,
        meddle: &Meddle<'_>,
    ) -> Result<Reply, ScimError> {
        if request.body().len() > limits.max_payload {
            let detail = format!("the body is larger than maxPayloadSize ({})", limits.max_payload);
            return Err(ScimError::new(413, "", detail));
        }
        let message: Message<'_> = body(request)?;
        let named = message.schemas.as_array().is_some_and(|schemas| {
            schemas.iter().filter_map(Json::as_str).any(|found| urn::same(found, urn::BULK_REQUEST))
        });
        if !named {
            return Err(refused(format!("`schemas` must hold {}", urn::BULK_REQUEST)));
        }
        let operations = message.operations;
        if operations.is_empty() {
            return Err(refused("`Operations` is missing or empty".to_owned()));
        }
        if operations.len() > limits.max_operations {
            let most = limits.max_operations;
            let detail = format!("more operations than maxOperations ({most})");
            return Err(ScimError::new(413, "", detail));
        }
        let most_errors = match message.fail_on_errors {
            Json::Null => usize::MAX,
            number => number
                .as_u64()
                .and_then(|number| usize::try_from(number).ok())
                .filter(|number| *number > 0)
                .ok_or_else(|| refused("`failOnErrors` must be a positive number".to_owned()))?,
        };
        let operations = operations.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut ids = BTreeSet::new();
        for id in operations.iter().filter_map(|operation| operation.bulk_id.as_ref()) {
            if !ids.insert(id) {
                return Err(refused(format!("the bulkId `{id}` is there twice")));
            }
        }
        let answers = self.carry_out(request.body(), &operations, most_errors, meddle);
        let shown: Vec<Json> = answers
            .into_iter()
            .map(|(index, reply)| shown(&operations[index], &reply, limits.bodies))
            .collect();
        let answer = json!({ "schemas": [urn::BULK_RESPONSE], "Operations": shown });
        Ok(json_reply(StatusCode::OK, &answer))
    }

    /// The answers, in the order of the operations; of all of them, unless too many have failed. An operation that names a
    /// resource which another one creates waits for that. What waits for itself in the end is a conflict (§3.7.1).
    fn carry_out(
        &self,
        whole: &Bytes,
        operations: &[Operation<'_>],
        most_errors: usize,
        meddle: &Meddle<'_>,
    ) -> BTreeMap<usize, Reply> {
        let mut made: BTreeMap<&str, String> = BTreeMap::new();
        let mut answers = BTreeMap::new();
        let mut errors = 0;
        loop {
            let before = answers.len();
            for (index, operation) in operations.iter().enumerate() {
                if answers.contains_key(&index) {
                    continue;
                }
                let Some((path, data)) = operation.resolved(whole, &made) else { continue };
                let reply = self.single(operation, &path, data, meddle);
                if let Some(id) = &operation.bulk_id
                    && reply.status().is_success()
                    && let Some(location) = location(&reply)
                {
                    made.insert(id, location.rsplit('/').next().unwrap_or_default().to_owned());
                }
                errors += usize::from(!reply.status().is_success());
                answers.insert(index, reply);
                if errors >= most_errors {
                    return answers;
                }
            }
            if answers.len() == before {
                break;
            }
        }
        for index in 0..operations.len() {
            let detail = "a bulkId that it names cannot be resolved";
            let conflict = || self.error_reply(&ScimError::new(409, "", detail));
            answers.entry(index).or_insert_with(conflict);
        }
        answers
    }

    fn single(
        &self,
        operation: &Operation<'_>,
        path: &str,
        data: Bytes,
        meddle: &Meddle<'_>,
    ) -> Reply {
        self.request(operation, path, data)
            .and_then(|request| match meddle(&request) {
                Some(reply) => Ok(reply),
                None => {
                    let segments = segments(request.uri()).unwrap_or_default();
                    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
                    self.route(&request, &parts)
                }
            })
            .unwrap_or_else(|error| self.error_reply(&error))
    }

    /// The request that an operation stands for.
    fn request(
        &self,
        operation: &Operation<'_>,
        path: &str,
        data: Bytes,
    ) -> Result<Request<Bytes>, ScimError> {
        let method = Method::from_bytes(operation.method.as_bytes())
            .ok()
            .filter(|method| {
                [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method)
            })
            .ok_or_else(|| {
                refused(format!("`{}` is no method of an operation", operation.method))
            })?;
        if method == Method::POST && operation.bulk_id.is_none() {
            return Err(refused("a POST needs a bulkId".to_owned()));
        }
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .body(data)
            .map_err(|error| refused(format!("`path`: {error}")))?;
        let version = operation.version.as_deref().map(HeaderValue::try_from);
        if let Some(Ok(version)) = version {
            request.headers_mut().insert(header::IF_MATCH, version);
        }
        match self.resource_of(request.uri()) {
            Some(_) => Ok(request),
            None => Err(refused(format!("`{path}` is no resource"))),
        }
    }
}

impl Operation<'_> {
    /// Path and data with ids in the place of references; none while one is not known. `whole` is the text that it is a part of.
    fn resolved(&self, whole: &Bytes, made: &BTreeMap<&str, String>) -> Option<(String, Bytes)> {
        let path = match self.path.split_once(REFERENCE) {
            Some((endpoint, name)) => format!("{endpoint}{}", made.get(name)?),
            None => self.path.clone(),
        };
        let may_refer = self.data.contains(REFERENCE) || self.data.contains("\\u");
        let data = match may_refer.then(|| serde_json::from_str(self.data).ok()).flatten() {
            Some(data) => resolved(&data, made)?.to_string().into(),
            None => whole.slice_ref(self.data.as_bytes()),
        };
        Some((path, data))
    }
}

fn resolved(value: &Json, made: &BTreeMap<&str, String>) -> Option<Json> {
    Some(match value {
        Json::String(text) => match text.strip_prefix(REFERENCE) {
            Some(name) => Json::String(made.get(name)?.clone()),
            None => value.clone(),
        },
        Json::Array(elements) => elements
            .iter()
            .map(|element| resolved(element, made))
            .collect::<Option<Vec<_>>>()?
            .into(),
        Json::Object(members) => {
            let member =
                |(name, value): (&String, &Json)| Some((name.clone(), resolved(value, made)?));
            members.iter().map(member).collect::<Option<Map<_, _>>>()?.into()
        }
        _ => value.clone(),
    })
}

fn read(sent: Sent<'_>) -> Result<Operation<'_>, ScimError> {
    let text = |value: Json| match value {
        Json::String(text) => Some(text),
        _ => None,
    };
    let needed = |name: &str, value: Json| {
        text(value).ok_or_else(|| refused(format!("an operation without a text as `{name}`")))
    };
    Ok(Operation {
        method: needed("method", sent.method)?.to_uppercase(),
        path: needed("path", sent.path)?,
        bulk_id: text(sent.bulk_id),
        version: text(sent.version),
        data: sent.data.map(RawValue::get).filter(|data| *data != "null").unwrap_or_default(),
    })
}

/// An answer as it stands among those of the others.
fn shown(operation: &Operation<'_>, reply: &Reply, with_bodies: bool) -> Json {
    let mut shown = json!({
        "method": operation.method,
        "status": reply.status().as_u16().to_string(),
    });
    if let Some(id) = &operation.bulk_id {
        shown["bulkId"] = id.as_str().into();
    }
    let location = location(reply).or_else(|| {
        // Of what is there already, the path is known.
        let known = !operation.path.contains(REFERENCE) && operation.method != "POST";
        known.then(|| operation.path.clone())
    });
    if let Some(location) = location {
        shown["location"] = location.into();
    }
    if let Some(version) = reply.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()) {
        shown["version"] = version.into();
    }
    let failed = !reply.status().is_success();
    if (failed || with_bodies)
        && let Ok(body) = serde_json::from_slice::<Json>(reply.body())
    {
        shown["response"] = body;
    }
    shown
}

fn location(reply: &Reply) -> Option<String> {
    Some(reply.headers().get(header::LOCATION)?.to_str().ok()?.to_owned())
}

fn refused(detail: String) -> ScimError {
    ScimError::new(400, scim_type::INVALID_SYNTAX, detail)
}
