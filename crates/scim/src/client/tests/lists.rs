//! Paging and finding on servers that count badly, ignore filters or refuse parameters.

use serde_json::json;

use super::fake::*;
use super::*;

struct Listed {
    ids: Vec<String>,
    complete: bool,
    total: Option<u64>,
    requests: Vec<String>,
}

async fn list_with(fake: &Fake, config: ClientConfig) -> Listed {
    let mut pages = Client::new(config).unwrap().list(Resource::User, None, None);
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        assert!(!page.is_empty(), "a page that is handed out has something in it");
        ids.extend(page.iter().map(|resource| list::id_of(resource).unwrap()));
    }
    assert!(pages.next().await.unwrap().is_none(), "the end stays the end");
    assert_eq!(pages.read(), ids.len());
    let (complete, total) = (pages.complete(), pages.total_results());
    Listed { ids, complete, total, requests: fake.lines() }
}

async fn list_all(fake: &Fake, page_size: u32) -> Listed {
    list_with(fake, ClientConfig { page_size, ..config(fake) }).await
}

fn ids(range: std::ops::RangeInclusive<usize>) -> Vec<String> {
    range.map(|id| id.to_string()).collect()
}

fn users(range: std::ops::RangeInclusive<usize>) -> Vec<Json> {
    range.map(user).collect()
}

/// The slice that an honest server would answer with.
fn window(seen: &Seen, people: usize, at_most: usize) -> Vec<Json> {
    let start = seen.number("startIndex").unwrap_or(1);
    let count = seen.number("count").unwrap_or(at_most).min(at_most);
    (start..=people).take(count).map(user).collect()
}

#[tokio::test]
async fn an_honest_list_is_read_page_by_page() {
    let fake = Fake::start(|_, seen| page(&window(seen, 7, 100), 7)).await;
    let listed = list_all(&fake, 3).await;
    assert_eq!(listed.ids, ids(1..=7));
    assert!(listed.complete);
    insta::assert_snapshot!(listed.requests.join("\n"), @"
    GET /Users?count=3
    GET /Users?startIndex=4&count=3
    GET /Users?startIndex=7&count=3
    GET /Users?startIndex=8&count=3
    ");
}

#[tokio::test]
async fn an_empty_list_is_complete() {
    let fake = Fake::script([scim("200 OK", &json!({"totalResults": 0}))]).await;
    let listed = list_all(&fake, 3).await;
    assert!(listed.ids.is_empty() && listed.complete);
}

#[tokio::test]
async fn total_results_too_small_does_not_end_the_list() {
    let fake = Fake::start(|_, seen| page(&window(seen, 7, 100), 3)).await;
    let listed = list_all(&fake, 3).await;
    assert_eq!(listed.ids, ids(1..=7));
    assert!(listed.complete);
}

#[tokio::test]
async fn total_results_too_large_is_not_complete() {
    let fake = Fake::start(|_, seen| page(&window(seen, 7, 100), 9)).await;
    let listed = list_all(&fake, 3).await;
    assert_eq!((listed.ids, listed.total), (ids(1..=7), Some(9)));
    assert!(!listed.complete);
}

#[tokio::test]
async fn total_results_that_shrink_to_nothing_are_not_believed() {
    let fake = Fake::script([page(&users(1..=2), 9), page(&[], 0)]).await;
    let listed = list_all(&fake, 2).await;
    assert_eq!((listed.ids, listed.total, listed.complete), (ids(1..=2), Some(9), false));
}

#[tokio::test]
async fn total_results_missing_is_no_obstacle() {
    let fake =
        Fake::start(|_, seen| scim("200 OK", &json!({"Resources": window(seen, 7, 100)}))).await;
    let listed = list_all(&fake, 3).await;
    assert_eq!((listed.ids, listed.total), (ids(1..=7), None));
    assert!(listed.complete);
}

#[tokio::test]
async fn a_count_that_is_capped_skips_nobody() {
    let fake = Fake::start(|_, seen| page(&window(seen, 7, 2), 7)).await;
    let listed = list_all(&fake, 100).await;
    assert_eq!(listed.ids, ids(1..=7));
    assert!(listed.complete);
}

#[tokio::test]
async fn a_count_that_is_ignored_skips_nobody() {
    let fake = Fake::start(|_, seen| {
        let start = seen.number("startIndex").unwrap_or(1);
        page(&(start..=7).map(user).collect::<Vec<_>>(), 7)
    })
    .await;
    let listed = list_all(&fake, 2).await;
    assert_eq!(listed.ids, ids(1..=7));
    assert!(listed.complete);
}

#[tokio::test]
async fn a_count_that_is_refused_is_left_out() {
    let fake = Fake::start(|_, seen| match seen.query("count") {
        Some(_) => scim_error(400, "invalidValue", "count is not supported"),
        None => page(&window(seen, 5, 2), 5),
    })
    .await;
    let listed = list_all(&fake, 100).await;
    assert_eq!(listed.ids, ids(1..=5));
    assert!(listed.complete);
    insta::assert_snapshot!(listed.requests.join("\n"), @"
    GET /Users?count=100
    GET /Users
    GET /Users?startIndex=3
    GET /Users?startIndex=5
    GET /Users?startIndex=6
    ");
}

#[tokio::test]
async fn attributes_that_are_refused_are_left_out() {
    let fake = Fake::start(|_, seen| match seen.query("attributes") {
        Some(_) => reply("500 Oops", &[], ""),
        None => page(&window(seen, 2, 9), 2),
    })
    .await;
    let paths = ["userName", r#"emails[type eq "work"].value"#, "emails.type"]
        .map(|path| Path::parse(path).unwrap());
    let mut pages = client(&fake).list(Resource::User, None, Some(&paths));
    assert_eq!(pages.next().await.unwrap().unwrap().len(), 2);
    let asked = fake.seen()[0].query("attributes");
    assert_eq!(asked.as_deref(), Some("id,userName,emails"));
}

#[tokio::test]
async fn a_last_page_that_repeats_ends_the_list() {
    let fake = Fake::start(|_, seen| {
        let start = seen.number("startIndex").unwrap_or(1).min(5);
        page(&users(start..=start + 1), 6)
    })
    .await;
    let listed = list_all(&fake, 2).await;
    assert_eq!(listed.ids, ids(1..=6));
    assert!(listed.complete);
}

#[tokio::test]
async fn a_start_index_that_is_ignored_is_not_taken_for_the_whole_list() {
    let fake = Fake::start(|_, _| page(&users(1..=3), 500)).await;
    let listed = list_all(&fake, 3).await;
    assert_eq!(listed.ids, ids(1..=3));
    assert!(!listed.complete);
    assert_eq!(listed.requests.len(), 2);
}

#[tokio::test]
async fn a_repeated_full_page_without_a_total_proves_nothing() {
    let body = json!({"Resources": users(1..=3)});
    let fake = Fake::start(move |_, _| scim("200 OK", &body)).await;
    assert!(!list_all(&fake, 3).await.complete);
    assert!(list_all(&fake, 100).await.complete);
}

#[tokio::test]
async fn pages_that_overlap_give_everybody_once() {
    let fake = Fake::script([page(&users(1..=3), 5), page(&users(2..=5), 5), page(&[], 5)]).await;
    let listed = list_all(&fake, 3).await;
    assert_eq!(listed.ids, ids(1..=5));
    assert!(listed.complete);
}

#[tokio::test]
async fn resources_in_lower_case_are_found() {
    let fake = Fake::script([
        scim("200 OK", &json!({"totalresults": "2", "resources": users(1..=2)})),
        scim("200 OK", &json!({"totalresults": "2"})),
    ])
    .await;
    let listed = list_all(&fake, 3).await;
    assert_eq!((listed.ids, listed.complete), (ids(1..=2), true));
}

#[tokio::test]
async fn numeric_ids_are_ids() {
    let people = json!([{"id": 46254941057u64}, {"id": "7"}]);
    let fake = Fake::script([
        scim("200 OK", &json!({"totalResults": 2, "Resources": people})),
        page(&[], 2),
    ])
    .await;
    assert_eq!(list_all(&fake, 3).await.ids, ["46254941057", "7"]);
}

#[tokio::test]
async fn an_entry_without_an_id_is_counted_and_makes_the_list_incomplete() {
    let fake = Fake::script([page(&[user(1), json!({"userName": "x"})], 1), page(&[], 1)]).await;
    let mut pages = client(&fake).list(Resource::User, None, None);
    assert_eq!(pages.next().await.unwrap().unwrap().len(), 1);
    assert!(pages.next().await.unwrap().is_none());
    assert_eq!((pages.without_id(), pages.complete()), (1, false));
}

#[tokio::test]
async fn a_page_too_large_is_asked_for_in_smaller_pieces() {
    let fake = Fake::start(|_, seen| page(&window(seen, 9, 100), 9)).await;
    let config = ClientConfig { page_size: 8, max_response_bytes: 500, ..config(&fake) };
    let listed = list_with(&fake, config).await;
    assert_eq!(listed.ids, ids(1..=9));
    assert!(listed.complete);
}

#[tokio::test]
async fn a_cursor_is_followed_where_the_target_gives_one() {
    let with_cursor = |people, next: Option<&str>| {
        scim("200 OK", &json!({"totalResults": 4, "Resources": people, "nextCursor": next}))
    };
    let fake =
        Fake::script([with_cursor(users(1..=2), Some("a/b")), with_cursor(users(3..=4), None)])
            .await;
    let listed = list_all(&fake, 2).await;
    assert_eq!((listed.ids, listed.complete), (ids(1..=4), true));
    insta::assert_snapshot!(listed.requests.join("\n"), @"
    GET /Users?count=2
    GET /Users?cursor=a%2Fb&count=2
    ");
}

#[tokio::test]
async fn a_cursor_that_expired_begins_the_list_anew_and_gives_everybody_once() {
    let page = |people, next: Option<&str>| {
        scim("200 OK", &json!({"totalResults": 5, "Resources": people, "nextCursor": next}))
    };
    let expired = || scim_error(400, "expiredCursor", "too late");
    let fake = Fake::script([
        page(users(1..=2), Some("a")),
        page(users(3..=4), Some("b")),
        expired(),
        page(users(1..=2), Some("c")),
        page(users(3..=4), Some("d")),
        page(users(5..=5), None),
    ])
    .await;
    let listed = list_all(&fake, 2).await;
    assert_eq!((listed.ids, listed.complete), (ids(1..=5), true));
    insta::assert_snapshot!(listed.requests.join("\n"), @"
    GET /Users?count=2
    GET /Users?cursor=a&count=2
    GET /Users?cursor=b&count=2
    GET /Users?count=2
    GET /Users?cursor=c&count=2
    GET /Users?cursor=d&count=2
    ");

    // A target that never knows its cursors is not asked for ever, and its list is not taken for complete.
    let fake = Fake::start(move |_, seen| match seen.query("cursor") {
        None => page(users(1..=2), Some("a")),
        Some(_) => expired(),
    })
    .await;
    let mut pages = client(&fake).list(Resource::User, None, None);
    assert_eq!(pages.next().await.unwrap().unwrap().len(), 2);
    assert_eq!(pages.next().await.unwrap_err().status, Some(400));
    assert!(!pages.complete());
}

#[tokio::test]
async fn a_failed_page_is_asked_for_again_by_the_next_call() {
    let fake = Fake::script([
        page(&users(1..=2), 3),
        scim_error(403, "", "not now"),
        page(&users(3..=3), 3),
        page(&[], 3),
    ])
    .await;
    let mut pages = client(&fake).list(Resource::User, None, None);
    pages.next().await.unwrap();
    assert_eq!(pages.next().await.unwrap_err().kind, Kind::Denied);
    assert!(!pages.complete());
    assert_eq!(pages.next().await.unwrap().unwrap().len(), 1);
    assert!(pages.next().await.unwrap().is_none());
    assert!(pages.complete());
}

#[tokio::test]
async fn a_list_that_is_html_is_an_error_and_not_an_empty_list() {
    let fake = Fake::start(|_, _| html("200 OK")).await;
    let error = client(&fake).list(Resource::User, None, None).next().await.unwrap_err();
    assert_eq!(error.kind, Kind::Malformed);
    insta::assert_snapshot!(chain(&error), @"
    GET /Users: answered with HTML: Not your API (status 200)
      caused by: expected value at line 1 column 1
    ");
}

#[tokio::test]
async fn a_list_that_is_other_json_is_an_error_and_not_an_empty_list() {
    let fake = Fake::start(|_, _| scim("200 OK", &json!({"status": "up"}))).await;
    let error = client(&fake).list(Resource::User, None, None).next().await.unwrap_err();
    insta::assert_snapshot!(chain(&error), @"GET /Users: the answer is not a list of resources: it has neither `Resources` nor `totalResults` (status 200)");
}

#[tokio::test]
async fn a_list_whose_json_is_cut_off_is_an_error() {
    let fake =
        Fake::start(|_, _| reply("200 OK", &[], r#"{"Resources": [{"id": "1"}, {"id"#)).await;
    let error = client(&fake).list(Resource::User, None, None).next().await.unwrap_err();
    insta::assert_snapshot!(chain(&error), @"
    GET /Users: answered with JSON that cannot be read (status 200)
      caused by: EOF while parsing a string at line 1 column 32
    ");
}

fn by_name(name: &str) -> Filter {
    Filter::eq(Path::parse("userName").unwrap(), name)
}

#[tokio::test]
async fn find_takes_one_request_from_an_honest_target() {
    let fake = Fake::script([page(&[user(5)], 1)]).await;
    let found = client(&fake).find(Resource::User, &by_name("user5")).await.unwrap();
    assert_eq!(found, Found { hits: vec![user(5)], filtered: true, complete: true });
    insta::assert_snapshot!(fake.lines().join("\n"), @"GET /Users?filter=userName%20eq%20%22user5%22");
}

#[tokio::test]
async fn find_takes_one_request_to_find_nothing() {
    let fake = Fake::script([page(&[], 0)]).await;
    let found = client(&fake).find(Resource::User, &by_name("nobody")).await.unwrap();
    assert_eq!(found, Found { hits: vec![], filtered: true, complete: true });
}

#[tokio::test]
async fn a_filter_that_is_ignored_finds_only_what_matches() {
    let fake = Fake::start(|_, seen| page(&window(seen, 9, 4), 9)).await;
    let found = client(&fake).find(Resource::User, &by_name("USER7")).await.unwrap();
    assert_eq!(found, Found { hits: vec![user(7)], filtered: false, complete: true });
}

#[tokio::test]
async fn a_filter_that_finds_several_gives_them_all() {
    let fake = Fake::start(|_, seen| {
        let mut people = window(seen, 3, 1);
        for person in &mut people {
            person["userName"] = "same".into();
        }
        page(&people, 3)
    })
    .await;
    let found = client(&fake).find(Resource::User, &by_name("same")).await.unwrap();
    assert_eq!((found.hits.len(), found.filtered, found.complete), (3, true, true));
}

#[tokio::test]
async fn a_filter_that_is_not_understood_is_an_error_after_one_request() {
    for status in [400, 501] {
        let fake = Fake::script([scim_error(status, "invalidFilter", "only eq")]).await;
        let error = client(&fake).find(Resource::User, &by_name("x")).await.unwrap_err();
        assert_eq!(error.status, Some(status));
        assert_eq!(fake.lines().len(), 1);
        assert!(!error.to_string().contains('x'), "{error}: values stay out of messages");
    }
}

#[tokio::test]
async fn a_value_in_a_filter_stays_out_of_every_error() {
    let fake = Fake::start(|_, _| Answer::Last(Vec::new())).await;
    let config = ClientConfig { base_url: format!("{}/?key=s3cret", fake.url), ..config(&fake) };
    let client = Client::new(config).unwrap();
    let error = client.find(Resource::User, &by_name("zoe")).await.unwrap_err();
    let told = format!("{}\n{error:?}", chain(&error));
    assert!(!told.contains("zoe") && !told.contains("s3cret"), "{told}");
}
