//! A wire in place of the network is judged as the network is: what was lost on the way, and what came late.

use std::sync::Mutex;

use serde_json::json;

use super::*;

/// Answers in this order; `None` never comes.
#[derive(Debug)]
struct Scripted(Mutex<Vec<Option<Result<u16, Lost>>>>);

impl Wire for Scripted {
    fn carry(&self, request: http::Request<Vec<u8>>) -> Carried<'_> {
        let next = self.0.lock().unwrap().remove(0);
        Box::pin(async move {
            let Some(answer) = next else { return std::future::pending().await };
            let body = match request.method().as_str() {
                "POST" => json!({ "id": "7", "path": request.uri().path() }),
                _ => json!({}),
            };
            let reply = http::Response::builder().status(answer?);
            Ok(reply.body(body.to_string().into_bytes()).unwrap())
        })
    }
}

async fn create(script: Vec<Option<Result<u16, Lost>>>) -> Result<Created, ClientError> {
    let config = ClientConfig {
        wire: Some(Arc::new(Scripted(Mutex::new(script)))),
        seed: Some(7),
        ..ClientConfig::new("http://127.0.0.1/scim")
    };
    Client::new(config).unwrap().create(Resource::User, &json!({ "userName": "a" })).await
}

#[tokio::test(start_paused = true)]
async fn a_wire_is_judged_as_the_network_is() {
    let sent_again = vec![Some(Err(Lost::Request)), Some(Ok(201))];
    let created = create(sent_again).await.unwrap();
    assert_eq!((created.id.as_str(), &created.resource["path"]), ("7", &json!("/scim/Users")));
    for uncertain in [Some(Err(Lost::Reply)), None] {
        // A second POST would be a second account: the script has no answer for one.
        let error = create(vec![uncertain]).await.unwrap_err();
        assert!(error.ambiguous, "{error}");
    }
}
