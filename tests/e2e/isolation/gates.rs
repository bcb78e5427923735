//! The access table, restated: who may pass a gate, as what, and what is there for whom.

use gateway::access::{Gate, TABLE, gate};
use kit::identity::Role;
use serde_json::Value;
use uuid::Uuid;

use super::world::{Grant, Person, Thing, World};

/// Public pages, which are not described in the document.
pub const PAGES: [&str; 6] = ["/", "/docs", "/docs/", "/docs/{*rest}", "/openapi.json", "/label/{key}"];

/// An operation of the document with its row of the access table.
pub struct Route {
    pub method: String,
    pub path: String,
    pub gate: Gate,
    /// Query parameters, and whether they must be given.
    pub query: Vec<(String, bool)>,
    /// Whether `{}` cannot be its body.
    pub needs_body: bool,
    /// The parameter that names what it is about, besides group and party.
    pub about: Option<String>,
}

/// What the session of a call may see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum About {
    Group(Uuid),
    Party(Uuid),
    Deployment,
}

/// A person let in.
pub struct Session {
    pub about: About,
    pub roles: Vec<Role>,
    pub acts_for: Option<Uuid>,
}

/// All operations; fails when one has no row in the table, or a row no operation.
pub fn operations(document: &Value, world: &World) -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let gate = gate(&method, path).unwrap_or_else(|| panic!("no row for {method} {path}"));
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let query: Vec<(String, bool)> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "query")
                .map(|parameter| (parameter["name"].as_str().unwrap().to_owned(), parameter["required"] == true))
                .collect();
            let in_path =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(str::to_owned);
            let in_query = query.iter().filter(|(_, required)| *required).map(|(name, _)| name.clone());
            let about = in_path.chain(in_query).find(|name| world.things.contains_key(name.as_str()));
            routes.push(Route {
                needs_body: needs_body(document, operation),
                method,
                path: path.clone(),
                gate,
                query,
                about,
            });
        }
    }
    // A reply link is its own key: `leaves.rs` tries those that are none.
    for row in TABLE.iter().filter(|row| !PAGES.contains(&row.path) && !row.path.starts_with("/r/")) {
        assert!(
            routes.iter().any(|route| route.method == row.method && route.path == row.path),
            "{} {} is no route",
            row.method,
            row.path
        );
    }
    routes
}

/// Whether `{}` as JSON is refused: something is required, or it is not a JSON object that is wanted.
fn needs_body(document: &Value, operation: &Value) -> bool {
    let Some(content) = operation["requestBody"]["content"].as_object() else { return false };
    let Some(json) = content.get("application/json") else { return true };
    let Some(reference) = json["schema"]["$ref"].as_str() else { return true };
    let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
    schema["required"].as_array().is_some_and(|required| !required.is_empty())
}

/// What the access table says of a person (none: nobody, without a token) at a gate: a session or an HTTP status.
pub fn judge(gate: Gate, person: Option<&Person>, about: About) -> Result<Session, u16> {
    let session = |grants: Vec<&Grant>| {
        let acts_for = grants.iter().find_map(|grant| grant.party);
        Session { about, roles: grants.into_iter().map(|grant| grant.role).collect(), acts_for }
    };
    if gate == Gate::Public {
        return Ok(session(Vec::new()));
    }
    let grants = &person.ok_or(401_u16)?.grants;
    match (gate, about) {
        (Gate::Deployment(roles), _) => {
            let across: Vec<_> =
                grants.iter().filter(|grant| grant.group.is_none() && roles.contains(&grant.role)).collect();
            if across.is_empty() { Err(403) } else { Ok(session(across)) }
        }
        (Gate::Group { members, visitors }, About::Group(group)) => {
            let inside = |grant: &&Grant| grant.group == Some(group);
            let visiting = |grant: &&Grant| grant.group.is_none() && visitors.contains(&grant.role);
            let let_in: Vec<_> = grants
                .iter()
                .filter(|grant| inside(grant) && members.contains(&grant.role) || visiting(grant))
                .collect();
            match (let_in.is_empty(), grants.iter().any(|grant| inside(&grant))) {
                (false, _) => Ok(session(let_in)),
                (true, true) => Err(403),
                (true, false) => Err(404),
            }
        }
        (Gate::Party, About::Party(party)) => {
            let own: Vec<_> = grants.iter().filter(|grant| grant.party == Some(party)).collect();
            if own.is_empty() { Err(404) } else { Ok(session(own)) }
        }
        _ => Ok(session(grants.iter().collect())),
    }
}

impl Session {
    pub fn has(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// Whether a thing is there for this session.
    pub fn sees(&self, parameter: &str, thing: &Thing) -> bool {
        let Some(owner) = thing.group else { return true };
        let party = match self.about {
            About::Group(group) if group != owner => return false,
            // What was published anybody may read, and any supplier answer.
            About::Group(_) | About::Party(_) if parameter == "consultation_id" => return true,
            About::Group(_) if self.has(&[Role::PurchasingOfficer, Role::Auditor]) => return true,
            About::Group(_) if self.has(&[Role::MemberRequester, Role::MemberReceiver]) => {
                return thing.members.is_empty() || self.acts_for.is_some_and(|party| thing.members.contains(&party));
            }
            About::Group(_) => self.acts_for,
            About::Party(party) => Some(party),
            About::Deployment => return true,
        };
        // Across groups an order is its supplier's only: members see their forms and lines.
        let member = parameter != "pooled_order_id" && party.is_some_and(|party| thing.members.contains(&party));
        party.is_some() && (member || thing.supplier == party || thing.operator == party)
    }
}
