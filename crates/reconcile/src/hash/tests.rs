use serde_json::json;

use super::*;

fn plan() -> Plan {
    let plan = json!({
        "plan": "", "coverage": "complete", "groups_coverage": "complete",
        "summary": {
            "create": 0, "update": 1, "adopt": 0, "deactivate": 0, "reactivate": 0, "delete": 0, "unlink": 0,
            "unchanged": 40, "out_of_scope": 2, "rejected": 1, "groups": { "create": 0, "update": 0, "delete": 0 },
        },
        "refused": [{ "guard": "max_leavers", "limit": "10%", "found": 12, "message": "too many" }],
        "changes": [{
            "action": "update", "resource": "User", "key": "7", "id": "2819c223", "name": "zoe@example.com",
            "origin": "people.csv:8", "reason": "title differs", "digest": 5,
            "attributes": [
                { "path": "title", "before": "Enginéer \"x\"", "after": { "b": 1, "a": [0.1, 1.7e300, null] } },
            ],
        }, {
            "action": "update", "resource": "Group", "key": "eng", "id": "g1", "name": "Engineering",
            "origin": "groups.csv:2", "reason": "members differ", "digest": 6, "attributes": [],
            "members": {
                "add": [{ "key": "7", "id": "2819c223", "name": "zoe@example.com" }, { "key": "8" }],
                "remove": [{ "key": null, "id": "x" }, { "resource": "Group", "key": "ops", "id": "g2" }],
            },
        }],
        "rejected": [{ "origin": "people.csv:9", "key": null, "field": "mail", "reason": "is empty" }],
        "warnings": [],
        "bookkeeping": [{ "note": "same", "key": "8", "digest": 7 }],
        "group_bookkeeping": [{ "note": "gone", "key": "ops" }],
    });
    serde_json::from_value(plan).unwrap()
}

#[test]
fn the_hash_is_that_of_the_canonical_json_without_itself() {
    let plan = plan().seal();
    let mut whole = serde_json::to_value(&plan).unwrap();
    whole.as_object_mut().unwrap().remove("plan");
    let mut text = Vec::new();
    canonical(&mut text, &whole);
    let hex: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(plan.plan, format!("sha256:{hex}"));
    assert!(plan.verify_hash());
}

#[test]
fn a_saved_plan_is_still_the_same() {
    let plan = plan().seal();
    let saved = serde_json::to_string_pretty(&plan).unwrap();
    let read: Plan = serde_json::from_str(&saved).unwrap();
    assert!(read.verify_hash());
    assert_eq!(read, plan);
}

#[test]
fn whatever_is_touched_breaks_the_seal() {
    let sealed = plan().seal();
    let touches: [fn(&mut Plan); 11] = [
        |plan| plan.coverage = "partial".to_owned(),
        |plan| plan.summary.unchanged += 1,
        |plan| plan.refused.clear(),
        |plan| plan.changes[0].attributes[0].after = Some(json!("Boss")),
        |plan| plan.rejected[0].key = Some("9".to_owned()),
        |plan| {
            plan.warnings.push(crate::Warning { key: None, origin: None, message: String::new() })
        },
        |plan| plan.bookkeeping.clear(),
        |plan| plan.groups_coverage = None,
        |plan| plan.group_bookkeeping.clear(),
        |plan| drop(plan.changes[1].members.add.pop()),
        |plan| plan.changes[1].members.remove.reverse(),
    ];
    for touch in touches {
        let mut plan = sealed.clone();
        touch(&mut plan);
        assert!(!plan.verify_hash(), "{plan:?}");
        assert!(plan.seal().verify_hash());
    }
}
