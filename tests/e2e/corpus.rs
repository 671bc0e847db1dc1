//! Broken input by the hundred: configs, people and saved plans, each spoiled in one place. Whatever it is, there is no panic, the
//! exit code is one of those that are documented, an error says so, and nothing is written to the target.

use serde_json::Value as Json;

use super::harness::{Bed, CONFIG, HEADER, Ran};

const ZOE: &str = "7,Zoë,Ng,zoe@example.com,Engineer,active,\n";

/// What a command may end with that only looks, or is refused.
const LOOKING: &[i32] = &[0, 2, 3, 4, 5, 6, 10];

fn holds(bed: &Bed, what: &str, ran: &Ran, codes: &[i32]) {
    let shown = format!("{what}\nexit {}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
    assert!(codes.contains(&ran.code), "{shown}");
    assert!(!ran.stderr.contains("panicked"), "{shown}");
    if ran.code == 2 {
        assert!(ran.stderr.starts_with("error"), "{shown}");
    }
    let mut requests = bed.simulator().take_requests().into_iter();
    assert!(requests.all(|request| request.method == "GET"), "{shown}");
}

fn bed() -> Bed {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", format!("{HEADER}{ZOE}"));
    bed
}

/// Every line of the config: left out, twice, with another kind of value, cut.
#[test]
fn configs() {
    let bed = bed();
    let lines: Vec<&str> = CONFIG.lines().filter(|line| !line.is_empty()).collect();
    let mut count = 0;
    for (at, line) in lines.iter().enumerate() {
        let name = line.split('=').next().unwrap().trim();
        let spoiled = [
            String::new(),
            format!("{line}\n{line}"),
            format!("{name} = -7"),
            format!("{name} = [[]]"),
            line.chars().take(line.chars().count() / 2).collect(),
        ];
        for text in spoiled {
            let mut lines: Vec<&str> = lines.clone();
            lines[at] = &text;
            bed.write("peoplesync.toml", lines.join("\n"));
            let ran = bed.run(&["plan", "--quiet"]);
            holds(&bed, &format!("config line {at}: {text}"), &ran, LOOKING);
            count += 1;
        }
    }
    assert!(count >= 100, "{count}");
}

#[test]
fn people() {
    let bed = bed();
    let spoiled: &[&[u8]] = &[
        b"", b"\n", b"\n\n\n", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"id", b"id\n", b"id,id\n1,2\n", b"\"", b"\"id", b"a\"b,c\n",
        b"id,first,last,mail,title,status,manager", b"id,first,last,mail,title,status,manager\n\"7",
        b"id,first,last,mail,title,status,manager\n7", b"id,first,last,mail,title,status,manager\n7,a,b,c,d,e,f,g,h\n",
        b"id,first,last,mail,title,status,manager\n,,,,,,\n", b"id,first,last,mail,title,status,manager\n7,\xc3,L,m@example.com,,active,\n",
        b"id;first;last;mail;title;status;manager\n7;a;b;c;d;active;\n", b"id,first,last,mail,title,status,manager\r7,a,b,c,d,active,\r",
        b"<html><body>Sign in</body></html>", b"PK\x03\x04", b"\x1f\x8b\x08", b"{\"id\": 7}", b"id,first,last,mail,title,status,manager\n7,a,b,c,d,active,7\n",
        b"id,first,last,mail,title,status,manager\n7,a,b,c@example.com,d,active,\n7,a,b,d@example.com,d,active,\n",
        b"id,first,last,mail,title,status,manager\n\x00,a,b,c@example.com,d,active,\n",
        b"ID,FIRST,LAST,MAIL,TITLE,STATUS,MANAGER\n7,a,b,c@example.com,d,active,\n",
    ];
    for (at, text) in spoiled.iter().enumerate() {
        bed.write("people.csv", text);
        let ran = bed.run(&["plan", "--quiet"]);
        holds(&bed, &format!("people {at}: {}", String::from_utf8_lossy(text)), &ran, LOOKING);
    }
}

/// Every member of a saved plan, wherever it stands: left out, null, and of another kind.
#[test]
fn saved_plans() {
    let bed = bed();
    bed.run(&["plan", "--out", "good.plan"]).expect(10);
    let good: Json =
        serde_json::from_str(&std::fs::read_to_string(bed.path("good.plan")).unwrap()).unwrap();
    let mut places = Vec::new();
    collect(&good, "", &mut places);
    assert!(places.len() >= 40, "{}", places.len());
    let mut count = 0;
    for place in &places {
        for value in [None, Some(Json::Null), Some(serde_json::json!([[7]]))] {
            let mut spoiled = good.clone();
            let (parent, name) = place.rsplit_once('/').unwrap();
            let Json::Object(members) = spoiled.pointer_mut(parent).unwrap() else { continue };
            // What goes without saying may be left out; and who made a plan, when and with what is not what it is.
            let found = members.get(name);
            let is_default =
                found.is_some_and(|found| found.is_null() || *found == 0 || name == "cause");
            let is_about = parent == "/saved" && ["by", "made", "program"].contains(&name);
            if found == value.as_ref() || is_about || value.is_none() && is_default {
                continue;
            }
            match value {
                None => drop(members.remove(name)),
                Some(value) => drop(members.insert(name.to_owned(), value)),
            }
            bed.write("bad.plan", spoiled.to_string());
            let ran = bed.run(&["apply", "bad.plan", "--yes", "--quiet"]);
            holds(&bed, &format!("plan {place}: {spoiled}"), &ran, &[2, 6]);
            count += 1;
        }
    }
    assert!(count >= 80, "{count}");
}

fn collect(json: &Json, at: &str, places: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                places.push(place.clone());
                collect(value, &place, places);
            }
        }
        Json::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                collect(value, &format!("{at}/{index}"), places);
            }
        }
        _ => {}
    }
}
