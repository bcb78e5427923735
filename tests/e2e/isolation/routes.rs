//! Every route × every person × own and foreign groups, parties and things.

use std::collections::{BTreeSet, HashMap};

use age::secrecy::ExposeSecret as _;
use futures::{StreamExt as _, stream};
use gateway::access::Gate;
use kit::identity::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    gates::{About, PAGES, Route, Session, judge, operations},
    world::{Thing, World, text, uuids, world},
};
use crate::shared::shared;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    Exactly(u16),
    /// An input that cannot be accepted, told as such.
    BadInput,
    /// No such thing, or a list without rows.
    Nothing,
}

struct Call {
    person: Option<usize>,
    method: String,
    path: String,
    body: (&'static str, Vec<u8>),
    about: About,
    expected: Expected,
}

/// All calls of a route.
fn calls(world: &World, route: &Route) -> Vec<Call> {
    let abouts: Vec<About> = match route.gate {
        Gate::Group { .. } => world.groups.values().map(|group| About::Group(*group)).collect(),
        Gate::Party => world.parties.values().map(|party| About::Party(*party)).collect(),
        Gate::Public | Gate::Person | Gate::Deployment(_) => vec![About::Deployment],
    };
    let everybody = || std::iter::once(None).chain((0..world.people.len()).map(Some));
    let mut calls = Vec::new();
    for about in abouts {
        for person in everybody() {
            match judge(route.gate, person.map(|index| &world.people[index]), about) {
                Err(status) => calls.extend(refused_calls(world, route, about, person, status)),
                Ok(session) => calls.extend(let_in_calls(world, route, person, &session)),
            }
        }
    }
    calls
}

/// With a thing of each group: which it is makes no difference to who is not let in.
fn refused_calls(world: &World, route: &Route, about: About, person: Option<usize>, status: u16) -> Vec<Call> {
    let things = route.about.as_ref().map(|parameter| &world.things[parameter.as_str()]);
    let mut seen = BTreeSet::new();
    let picked: Vec<Option<&Thing>> = match things {
        Some(things) => things.iter().filter(|thing| seen.insert(thing.group)).map(Some).collect(),
        None => vec![None],
    };
    let call = |thing| Call {
        person,
        method: route.method.clone(),
        path: fill(world, route, about, None, thing),
        body: ("application/json", b"{}".to_vec()),
        about,
        expected: Expected::Exactly(status),
    };
    picked.into_iter().map(call).collect()
}

fn let_in_calls(world: &World, route: &Route, person: Option<usize>, session: &Session) -> Vec<Call> {
    let things: Vec<Option<&Thing>> = match &route.about {
        Some(parameter) => world.things[parameter.as_str()].iter().map(Some).collect(),
        None => vec![None],
    };
    let mut calls = Vec::new();
    for thing in things {
        let there = thing.is_none_or(|thing| session.sees(route.about.as_deref().unwrap_or_default(), thing));
        let path = fill(world, route, session.about, session.acts_for, thing);
        let empty = ("application/json", b"{}".to_vec());
        let mut call = |path: String, body, expected| {
            calls.push(Call { person, method: route.method.clone(), path, body, about: session.about, expected });
        };
        match (route.method.as_str(), there) {
            // An agreement is no business of a platform's: tendering tells the roles that it knows.
            ("GET", true)
                if route.path == "/v1/parties/{party_id}/agreements" && session.has(&[Role::PlatformOperator]) =>
            {
                call(path, empty, Expected::Exactly(403));
            }
            // A member, or a platform, has no tenders.
            ("GET", true) if route.path == "/v1/parties/{party_id}/tenders" && !session.has(&[Role::Supplier]) => {
                call(path, empty, Expected::Exactly(403));
            }
            // A consultation is drawn up from a census only.
            ("GET", true)
                if route.path.ends_with("/consultation-draft")
                    && thing.is_some_and(|thing| !world.censuses.contains(&thing.id)) =>
            {
                call(path, empty, Expected::Exactly(409));
            }
            // A group of the season has no charter to print.
            ("GET", true) if route.path.ends_with("/charters/poster") => {
                call(path, empty, Expected::Exactly(404));
            }
            ("GET", true) => {
                call(path.clone(), empty.clone(), Expected::Exactly(200));
                for filter in filters(world, route, session) {
                    call(with(&path, &filter), empty.clone(), Expected::Nothing);
                }
            }
            ("GET", false) => call(path, empty, Expected::Exactly(404)),
            // A good input about what is not there.
            (_, false) => {
                let (body, query) = input(world, route, session, thing.unwrap());
                call(with(&path, &query), body, Expected::Exactly(404));
            }
            (_, true) if route.needs_body => call(path, empty, Expected::BadInput),
            // It would really be done.
            (_, true) => {}
        }
    }
    calls
}

/// Filters of a list that name what this session does not see.
fn filters(world: &World, route: &Route, session: &Session) -> Vec<String> {
    let optional = route.query.iter().filter(|(name, required)| !required && world.things.contains_key(name.as_str()));
    let foreign = |name: &str, thing: &Thing| match (session.about, thing.group) {
        // A party has rows under rounds and plans that it does not see themselves.
        (About::Party(party), Some(group)) if session.has(&[Role::Supplier]) => {
            !world.groups_of[&party].contains(&group) || thing.supplier.is_some_and(|supplier| supplier != party)
        }
        (About::Party(party), Some(group)) => !world.groups_of[&party].contains(&group),
        (About::Group(_) | About::Deployment | About::Party(_), _) => !session.sees(name, thing),
    };
    let hidden = |name: &String| {
        let things = world.things[name.as_str()].iter().filter(|thing| foreign(name, thing));
        things.map(|thing| format!("{name}={}", thing.id)).collect::<Vec<_>>()
    };
    optional.flat_map(|(name, _)| hidden(name)).collect()
}

fn with(path: &str, query: &str) -> String {
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' })
    }
}

/// The address with its parameters, and as long a page as there may be.
fn fill(world: &World, route: &Route, about: About, acts_for: Option<Uuid>, thing: Option<&Thing>) -> String {
    let mut path = route.path.clone();
    match about {
        About::Group(group) => path = path.replace("{group_id}", &text("grp", group)),
        About::Party(party) => path = path.replace("{party_id}", &text("pty", party)),
        About::Deployment => {}
    }
    if let (Some(name), Some(thing)) = (&route.about, thing) {
        path = path.replace(&format!("{{{name}}}"), &thing.id);
    }
    assert!(!path.contains('{'), "{path}: what goes in there?");
    for (name, required) in &route.query {
        // A prepared workbook is always some member's.
        let required = &(*required || (name == "party_id" && route.path.ends_with("/template")));
        let value = match (name.as_str(), required) {
            ("page_size" | "limit", _) => "500".to_owned(),
            ("platform_site_id", true) => text("sit", world.platform_site),
            ("party_id", true) => text("pty", member(world, about, acts_for)),
            ("duration_months", true) => "36".to_owned(),
            ("margin_percent", true) => "20".to_owned(),
            (name, true) if route.about.as_deref() == Some(name) => thing.unwrap().id.clone(),
            (name, true) => panic!("{} {}: a value for {name}?", route.method, route.path),
            (_, false) => continue,
        };
        path = with(&path, &format!("{name}={value}"));
    }
    path
}

/// The party acted for where it is a member with needs, else one of the group.
fn member(world: &World, about: About, acts_for: Option<Uuid>) -> Uuid {
    let of_group = |party: &&Uuid| matches!(about, About::Group(group) if world.groups_of[*party].contains(&group));
    acts_for
        .filter(|party| world.needs_of.contains_key(party))
        .or_else(|| world.needs_of.keys().find(of_group).copied())
        .unwrap()
}

/// Good input for a change of a thing: content type and body, and what goes into the query.
fn input(world: &World, route: &Route, session: &Session, thing: &Thing) -> ((&'static str, Vec<u8>), String) {
    let party = member(world, session.about, session.acts_for);
    let (site, article, packaging) = &world.needs_of[&party];
    let party = text("pty", party);
    let need = json!({ "site": text("sit", *site), "article": text("art", *article), "packaging_code": packaging, "quantity": 1 });
    let of_party = format!("party_id={party}");
    let means = if session.has(&[Role::Supplier]) { "PORTAL" } else { "PHONE" };
    let last = route.path.rsplit('/').next().unwrap();
    let (body, query) = match (route.method.as_str(), last) {
        ("POST", "needs") => (need, of_party),
        ("POST", "batch") => (json!([need]), of_party),
        ("POST", "file") => {
            let file = format!(
                "site,article,packaging,quantity\n{},{},{packaging},1\n",
                text("sit", *site),
                text("art", *article)
            );
            return (("text/csv", file.into_bytes()), of_party);
        }
        ("PATCH", "{need_id}") => (json!({ "quantity": 1 }), String::new()),
        ("POST", "beneficiaries") => {
            (json!({ "beneficiaries": [{ "party_id": party, "valid_from": "2026-01-01" }] }), String::new())
        }
        ("POST", "commitments") => (json!({ "party_id": party, "commitment_number": "EJ-1" }), String::new()),
        ("POST", "answer") => (json!({ "means": means }), String::new()),
        ("POST", "cancel-outstanding") => {
            (json!({ "pooled_line_id": text("pll", world.pooled_lines[&thing.id]), "cause": "Essai." }), String::new())
        }
        ("POST", "tenders") => {
            let opener = age::x25519::Identity::generate();
            let sealed = age::encrypt(&opener.to_public(), b"{}").unwrap();
            return (("application/octet-stream", sealed), String::new());
        }
        ("POST", "{consultation_id}") => {
            let awarding = session.acts_for.map_or(party, |party| text("pty", party));
            (consultation(&awarding), String::new())
        }
        ("POST", "cancel" | "revoke") => (json!({ "reason": "Essai." }), String::new()),
        ("POST", "open") => {
            let opener = age::x25519::Identity::generate();
            (json!({ "identity": opener.to_string().expose_secret() }), String::new())
        }
        ("POST", "score") => (json!({ "marks": [] }), String::new()),
        ("POST", "minutes") => return (("application/pdf", b"%PDF-1.7".to_vec()), String::new()),
        ("POST", "end") => (json!({ "ended_on": "2026-10-31", "reason": "Essai." }), String::new()),
        ("POST", "sign") => (json!({ "key": "essai", "number": "ESSAI-1" }), String::new()),
        ("POST", "prove") => (json!({ "signed_by": "Essai", "handed_over_at": "2026-11-20T08:00:00Z" }), String::new()),
        _ => {
            assert!(!route.needs_body, "{} {}: which body?", route.method, route.path);
            (json!({}), String::new())
        }
    };
    (("application/json", body.to_string().into_bytes()), query)
}

/// A draft as it may be written.
fn consultation(party: &str) -> Value {
    json!({ "title": "Essai", "awarding_party_id": party, "role": "INTERMEDIARY", "electronic": true, "zone": "Europe/Paris",
        "lots": [{ "number": 1, "title": "Essai" }] })
}

/// Calls, and says what is wrong with the answer.
async fn check(http: &reqwest::Client, base: &str, world: &World, call: &Call) -> Option<String> {
    let mut request = http
        .request(call.method.parse().unwrap(), format!("{base}{}", call.path))
        .header("idempotency-key", Uuid::now_v7().to_string());
    if matches!(call.method.as_str(), "PATCH" | "DELETE") {
        request = request.header("if-match", "*");
    }
    if call.method != "GET" {
        request = request.header("content-type", call.body.0).body(call.body.1.clone());
    }
    let person = call.person.map(|index| &world.people[index]);
    if let Some(person) = person {
        request = request.bearer_auth(&person.token);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.text().await.unwrap();
    let met = match call.expected {
        Expected::Exactly(expected) => status == expected,
        Expected::BadInput => [400, 415, 422].contains(&status),
        Expected::Nothing => status == 404 || (status == 200 && is_empty(&body)),
    };
    let sent = String::from_utf8_lossy(&call.body.1);
    let said: BTreeSet<Uuid> = uuids(&format!("{} {}", call.path, sent)).into_iter().collect();
    let mut leaked = uuids(&body).into_iter().filter(|id| !said.contains(id) && !may_appear(world, call.about, id));
    let leak = leaked.next();
    if met && leak.is_none() {
        return None;
    }
    let login = person.map_or("nobody", |person| person.login.as_str());
    let start: String = body.chars().take(300).collect();
    let why = leak.map_or_else(|| format!("expected {:?}", call.expected), |id| format!("shows {id} of another group"));
    Some(format!("{} {} as {login} {}: {status}, {why}: {start}", call.method, call.path, sent))
}

/// Whether an id may stand in an answer to this session.
fn may_appear(world: &World, about: About, id: &Uuid) -> bool {
    let Some(owner) = world.owned.get(id).filter(|_| !world.published.contains(id)) else { return true };
    match about {
        About::Group(group) => *owner == group,
        About::Party(party) => world.groups_of.get(&party).is_some_and(|groups| groups.contains(owner)),
        // Groups themselves are listed publicly.
        About::Deployment => owner == id,
    }
}

/// Whether every list in an answer is empty, or there is only a sum of nothing.
fn is_empty(body: &str) -> bool {
    let Ok(Value::Object(fields)) = serde_json::from_str(body) else { return false };
    fields.values().all(|value| match value {
        Value::Array(rows) => rows.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        // How the deployment is set up, nobody's row.
        Value::Bool(_) => true,
        _ => false,
    })
}

/// The first three of each kind: ids and persons apart.
fn some_of_each(mut wrong: Vec<String>) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    wrong.sort();
    wrong.retain(|text| {
        let path =
            text.split_inclusive(['/', '?', '&', '=', ' ']).filter(|part| !part.contains('_') && part.len() < 25);
        let count = seen.entry(path.take(12).collect()).or_default();
        *count += 1;
        *count <= 3
    });
    wrong.truncate(60);
    wrong
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_says_and_shows_nobody_another_groups_rows() {
    let shared = shared().await;
    assert!(shared.season.status.success(), "{}", shared.season.output);
    let world = world(&shared.stack).await;
    let base = shared.stack.var("CENTRALE_URL");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let document: Value = http.get(format!("{base}/openapi.json")).send().await.unwrap().json().await.unwrap();

    let routes = operations(&document, world);
    let mut all = Vec::new();
    for route in &routes {
        let calls = calls(world, route);
        assert!(!calls.is_empty(), "{} {} was not called", route.method, route.path);
        // Somebody is let in, so that refusing everybody would not do; what would really be done is in the season.
        let passes = |call: &Call| !matches!(call.expected, Expected::Exactly(401 | 403 | 404));
        assert!(
            calls.iter().any(passes)
                || (route.method != "GET" && !route.needs_body)
                // The season has no charter to print; `serenice.rs` has one, and prints it for a member.
                || route.path.ends_with("/charters/poster"),
            "{} {}: nobody passes",
            route.method,
            route.path
        );
        all.extend(calls);
    }
    let documented: usize =
        document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(routes.len(), documented);
    for page in PAGES {
        let path = page.replace("{*rest}", "index.css").replace("{key}", "ght");
        all.push(Call {
            person: None,
            method: "GET".into(),
            path,
            body: ("", Vec::new()),
            about: About::Deployment,
            expected: Expected::Exactly(200),
        });
    }
    let wrong: Vec<String> = stream::iter(&all)
        .map(|call| check(&http, base, world, call))
        .buffer_unordered(8)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), all.len(), some_of_each(wrong).join("\n"));
}

#[tokio::test]
async fn nobody_acts_for_a_party_that_is_not_its_own() {
    let shared = shared().await;
    let world = world(&shared.stack).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for person in &world.people {
        for party in world.parties.values() {
            let mut answer =
                http.get(format!("{}/v1/clock", shared.stack.var("CENTRALE_URL"))).bearer_auth(&person.token);
            answer = answer.header("centrale-acts-for", text("pty", *party));
            let own = person.grants.iter().any(|grant| grant.party == Some(*party));
            let status = answer.send().await.unwrap().status().as_u16();
            assert_eq!(status, if own { 200 } else { 403 }, "{} for {party}", person.login);
        }
    }
}
