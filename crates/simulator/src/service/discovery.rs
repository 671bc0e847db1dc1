//! What the service provider says of itself (RFC 7644 §4): ServiceProviderConfig, Schemas, ResourceTypes.

use axum::body::Bytes;
use axum::http::{Request, StatusCode};
use peoplesync_scim::profile::Paging;
use peoplesync_scim::{Resource, ScimError, urn};
use serde_json::{Value as Json, json};

use super::list::{Shape, page_body};
use super::{Reply, Service, json_reply, no_endpoint, not_allowed, parameters, reply};
use crate::schemas::extensions;
use crate::store::encoded;

impl Service {
    pub(super) fn discovery(
        &self,
        request: &Request<Bytes>,
        path: &[&str],
    ) -> Result<Reply, ScimError> {
        if request.method() != "GET" {
            return Err(not_allowed(request));
        }
        if parameters(request)?.iter().any(|(name, _)| name.eq_ignore_ascii_case("filter")) {
            return Err(ScimError::new(403, "", "this endpoint cannot be filtered"));
        }
        let all = match path {
            ["ServiceProviderConfig"] => return Ok(json_reply(StatusCode::OK, &self.config())),
            ["Schemas", ..] => self.schemas(),
            ["ResourceTypes", ..] => self.resource_types(),
            _ => return Err(no_endpoint(request)),
        };
        match path {
            [_] => {
                let all: Vec<Bytes> = all.iter().map(|one| Bytes::from(one.to_string())).collect();
                Ok(reply(StatusCode::OK, page_body(&Shape::plain(all.len(), 1), Some(&all))))
            }
            [_, id] => {
                let same =
                    |one: &&Json| one["id"].as_str().is_some_and(|known| urn::same(known, id));
                let one = all.iter().find(same);
                let one =
                    one.ok_or_else(|| ScimError::new(404, "", format!("`{id}` not found")))?;
                Ok(json_reply(StatusCode::OK, one))
            }
            _ => Err(no_endpoint(request)),
        }
    }

    fn config(&self) -> Json {
        let behaviour = &self.behaviour;
        let profile = &self.habits.profile;
        let filters = behaviour.filter && profile.filter.supported;
        let cursor = matches!(profile.list.paging, Paging::Cursor | Paging::BareCursor);
        let index = profile.list.paging != Paging::Cursor;
        let token = json!({
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "A bearer token in the header Authorization",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        });
        let schemes: Vec<Json> = behaviour.bearer.iter().map(|_| token.clone()).collect();
        json!({
            "schemas": [urn::SERVICE_PROVIDER_CONFIG],
            "patch": { "supported": behaviour.patch && self.habits.serves_patch() },
            "bulk": {
                "supported": behaviour.bulk.is_some(),
                "maxOperations": behaviour.bulk.as_ref().map_or(0, |bulk| bulk.max_operations),
                "maxPayloadSize": behaviour.bulk.as_ref().map_or(0, |bulk| bulk.max_payload),
            },
            "filter": { "supported": filters, "maxResults": behaviour.max_page },
            "changePassword": { "supported": false },
            "sort": { "supported": behaviour.sort },
            "etag": { "supported": behaviour.etag },
            "authenticationSchemes": schemes,
            "pagination": {
                "cursor": cursor,
                "index": index,
                "defaultPaginationMethod": if index { "index" } else { "cursor" },
                "defaultPageSize": behaviour.default_page,
                "maxPageSize": behaviour.max_page,
            },
            "meta": {
                "resourceType": "ServiceProviderConfig",
                "location": format!("{}/ServiceProviderConfig", self.url),
            },
        })
    }

    fn schemas(&self) -> Vec<Json> {
        let show = |schema: &peoplesync_scim::schema::Schema| {
            let mut shown = schema.to_json();
            shown["meta"]["location"] = format!("{}/Schemas/{}", self.url, schema.id).into();
            shown
        };
        self.schemas.iter().map(show).collect()
    }

    fn resource_types(&self) -> Vec<Json> {
        let show = |resource: Resource| {
            let extensions: Vec<Json> = extensions(&self.schemas, resource)
                .map(|schema| json!({ "schema": schema.id, "required": false }))
                .collect();
            json!({
                "schemas": [urn::RESOURCE_TYPE],
                "id": resource.name(),
                "name": resource.name(),
                "endpoint": self.habits.profile.endpoint(resource),
                "schema": resource.schema(),
                "schemaExtensions": extensions,
                "meta": {
                    "resourceType": "ResourceType",
                    "location": format!("{}/ResourceTypes/{}", self.url, encoded(resource.name())),
                },
            })
        };
        let has = |resource: &Resource| !self.habits.profile.endpoint(*resource).is_empty();
        Resource::ALL.into_iter().filter(has).map(show).collect()
    }
}
