//! Who may call which route: one table. The middleware in `session.rs` reads it before anything else is done; a route
//! without a row is refused; the OpenAPI document shows it; a test holds the two against each other.
//!
//! Being let in here is necessary, not sufficient: every service checks again, and Postgres shows only the session's rows.

use kit::identity::Role::{
    self, Administrator, Auditor, MemberReceiver, MemberRequester, PlatformOperator, PurchasingOfficer, Supplier,
};

/// What a route asks of its caller, and the session that the caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Anybody, without a token.
    Public,
    /// Any registered person; a deployment session.
    Person,
    /// People who have one of these roles across groups; a deployment session.
    Deployment(&'static [Role]),
    /// A session of the group named in the path.
    Group {
        /// Roles that let in when granted in that group. Without any grant in it, the group does not exist.
        members: &'static [Role],
        /// Roles granted across groups that let in to this one route: suppliers and platform operators write in the groups
        /// they serve, an administrator sets a group up. They read in party sessions.
        visitors: &'static [Role],
    },
    /// A session of the party named in the path, across its groups; people with any grant for that party.
    Party,
}

/// One route and its gate.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// `GET`, `POST`, …; `HEAD` goes with `GET`.
    pub method: &'static str,
    /// Path template as the router knows it.
    pub path: &'static str,
    /// What it asks.
    pub gate: Gate,
}

const fn row(method: &'static str, path: &'static str, gate: Gate) -> Row {
    Row { method, path, gate }
}

const fn group(members: &'static [Role], visitors: &'static [Role]) -> Gate {
    Gate::Group { members, visitors }
}

/// Who belongs to a group and reads in it; services narrow requesters and receivers to their member.
const READERS: Gate = group(&[PurchasingOfficer, MemberRequester, MemberReceiver, Auditor], &[]);
/// Who runs a group's purchases.
const OFFICER: Gate = group(&[PurchasingOfficer], &[]);
/// Who states needs.
const REQUESTERS: Gate = group(&[PurchasingOfficer, MemberRequester], &[]);
/// Who watches over a group.
const WATCHERS: Gate = group(&[PurchasingOfficer, Auditor], &[]);
/// Who speaks for a supplier, or enters what it said.
const SUPPLIERS: Gate = group(&[PurchasingOfficer], &[Supplier]);
/// Who works at a platform.
const OPERATORS: Gate = group(&[], &[PlatformOperator]);
/// Who hands goods over: the platform, for a direct delivery the supplier, or an officer for a supplier without an account.
const CARRIERS: Gate = group(&[PurchasingOfficer], &[PlatformOperator, Supplier]);
/// Who loads reference data.
const ADMINISTRATOR: Gate = Gate::Deployment(&[Administrator]);

/// The table.
pub const TABLE: &[Row] = &[
    // What everybody needs before there is a session.
    row("GET", "/", Gate::Public),
    row("GET", "/docs", Gate::Public),
    row("GET", "/docs/", Gate::Public),
    row("GET", "/docs/{*rest}", Gate::Public),
    row("GET", "/openapi.json", Gate::Public),
    row("GET", "/health/live", Gate::Public),
    row("GET", "/health/ready", Gate::Public),
    row("GET", "/problems/{code}", Gate::Public),
    // By the signed link in an order's e-mail: the link is the key.
    row("GET", "/r/{token}", Gate::Public),
    row("POST", "/r/{token}", Gate::Public),
    // Who holds which level of a group's label is public.
    row("GET", "/label/{key}", Gate::Public),
    row("GET", "/v1/public/groups/{key}/label", Gate::Public),
    row("GET", "/.well-known/openid-configuration", Gate::Public),
    row("GET", "/oauth2/jwks", Gate::Public),
    row("POST", "/oauth2/token", Gate::Public),
    // Who is who.
    row("GET", "/v1/clock", Gate::Person),
    row("GET", "/v1/me", Gate::Person),
    row("GET", "/v1/me/groups", Gate::Person),
    row("GET", "/v1/groups", Gate::Person),
    row("POST", "/v1/groups", ADMINISTRATOR),
    row("POST", "/v1/parties/register", ADMINISTRATOR),
    row("POST", "/v1/parties/lookup", Gate::Person),
    row("POST", "/v1/sites/register", ADMINISTRATOR),
    row("POST", "/v1/sites/lookup", Gate::Person),
    row("POST", "/v1/people/register", ADMINISTRATOR),
    row("GET", "/v1/groups/{group_id}", READERS),
    row("GET", "/v1/groups/{group_id}/members", READERS),
    row("POST", "/v1/groups/{group_id}/members/add", group(&[PurchasingOfficer], &[Administrator])),
    row("GET", "/v1/groups/{group_id}/sites", READERS),
    // How a group governs and finances itself.
    row("GET", "/v1/groups/{group_id}/voting-rights", READERS),
    row("POST", "/v1/groups/{group_id}/voting-rights", OFFICER),
    row("GET", "/v1/groups/{group_id}/decision-rules", READERS),
    row("POST", "/v1/groups/{group_id}/decision-rules", OFFICER),
    row("GET", "/v1/groups/{group_id}/decisions", READERS),
    row("POST", "/v1/groups/{group_id}/decisions", OFFICER),
    row("GET", "/v1/groups/{group_id}/decisions/{decision_id}", READERS),
    row("GET", "/v1/groups/{group_id}/decisions/{decision_id}/minutes", READERS),
    row("POST", "/v1/groups/{group_id}/decisions/{decision_id}/minutes", OFFICER),
    row("GET", "/v1/groups/{group_id}/offices", READERS),
    row("POST", "/v1/groups/{group_id}/offices", OFFICER),
    row("GET", "/v1/groups/{group_id}/mandates", READERS),
    row("POST", "/v1/groups/{group_id}/mandates", OFFICER),
    row("POST", "/v1/groups/{group_id}/mandates/{mandate_id}/end", OFFICER),
    row("GET", "/v1/groups/{group_id}/commission-seats", READERS),
    row("POST", "/v1/groups/{group_id}/commission-seats", OFFICER),
    row("GET", "/v1/groups/{group_id}/contribution-rules", READERS),
    row("POST", "/v1/groups/{group_id}/contribution-rules", OFFICER),
    row("GET", "/v1/groups/{group_id}/grants", READERS),
    row("POST", "/v1/groups/{group_id}/grants", OFFICER),
    row("GET", "/v1/groups/{group_id}/contributions", READERS),
    row("GET", "/v1/groups/{group_id}/contributions/file", READERS),
    row("GET", "/v1/groups/{group_id}/contribution-invoices", READERS),
    row("POST", "/v1/groups/{group_id}/contribution-invoices", OFFICER),
    row("GET", "/v1/groups/{group_id}/contribution-invoices/{invoice_id}", READERS),
    row("GET", "/v1/groups/{group_id}/contribution-invoices/{invoice_id}/file", READERS),
    row("GET", "/v1/groups/{group_id}/logistics-costs", READERS),
    row("POST", "/v1/groups/{group_id}/logistics-costs", OFFICER),
    row("GET", "/v1/groups/{group_id}/declared-savings", READERS),
    row("POST", "/v1/groups/{group_id}/declared-savings", REQUESTERS),
    row("GET", "/v1/groups/{group_id}/self-financing", READERS),
    // Who may sign for whom, and what is dated about a party.
    row("GET", "/v1/groups/{group_id}/delegations", READERS),
    row("POST", "/v1/groups/{group_id}/delegations", OFFICER),
    row("POST", "/v1/groups/{group_id}/delegations/{delegation_id}/revoke", OFFICER),
    row("GET", "/v1/groups/{group_id}/buyer-statuses", READERS),
    row("GET", "/v1/groups/{group_id}/member-changes", WATCHERS),
    row("POST", "/v1/groups/{group_id}/member-changes/preview", OFFICER),
    row("POST", "/v1/groups/{group_id}/member-changes/confirm", OFFICER),
    row("POST", "/v1/buyer-statuses", ADMINISTRATOR),
    row("POST", "/v1/identities", ADMINISTRATOR),
    // Services, practitioners, charter and label.
    row("POST", "/v1/groups/{group_id}/members/file", group(&[PurchasingOfficer], &[Administrator])),
    row("GET", "/v1/groups/{group_id}/services", READERS),
    row("POST", "/v1/groups/{group_id}/services", OFFICER),
    row("GET", "/v1/groups/{group_id}/practitioners", READERS),
    row("POST", "/v1/groups/{group_id}/practitioners", OFFICER),
    row("GET", "/v1/groups/{group_id}/subscriptions", READERS),
    row("POST", "/v1/groups/{group_id}/subscriptions", REQUESTERS),
    row("POST", "/v1/groups/{group_id}/subscriptions/terminate", REQUESTERS),
    row("GET", "/v1/groups/{group_id}/charters", READERS),
    row("POST", "/v1/groups/{group_id}/charters", OFFICER),
    row("POST", "/v1/groups/{group_id}/charters/sign", OFFICER),
    row("GET", "/v1/groups/{group_id}/charters/poster", READERS),
    row("GET", "/v1/groups/{group_id}/label-schemes", READERS),
    row("POST", "/v1/groups/{group_id}/label-schemes", OFFICER),
    row("GET", "/v1/groups/{group_id}/label-audits", READERS),
    row("POST", "/v1/groups/{group_id}/label-audits", OFFICER),
    row("GET", "/v1/groups/{group_id}/label-audits/due", WATCHERS),
    // What can be bought.
    row("POST", "/v1/articles/register", ADMINISTRATOR),
    row("GET", "/v1/articles", Gate::Person),
    row("GET", "/v1/articles/{ref}", Gate::Person),
    row("GET", "/v1/groups/{group_id}/prices", READERS),
    row("POST", "/v1/groups/{group_id}/prices", OFFICER),
    // Under which contract.
    row("GET", "/v1/groups/{group_id}/agreements", READERS),
    row("POST", "/v1/groups/{group_id}/agreements", OFFICER),
    row("GET", "/v1/groups/{group_id}/agreements/{agreement_id}", READERS),
    row("POST", "/v1/groups/{group_id}/agreements/{agreement_id}/beneficiaries", OFFICER),
    row("GET", "/v1/groups/{group_id}/entitlements", READERS),
    row("POST", "/v1/groups/{group_id}/entitlements", READERS),
    // What exists on the first day.
    row("GET", "/v1/groups/{group_id}/opening/lot-consumption", READERS),
    row("POST", "/v1/groups/{group_id}/opening/lot-consumption", OFFICER),
    row("POST", "/v1/groups/{group_id}/opening/lot-consumption/file", OFFICER),
    row("GET", "/v1/groups/{group_id}/opening/codes", READERS),
    row("POST", "/v1/groups/{group_id}/opening/codes", OFFICER),
    row("POST", "/v1/groups/{group_id}/opening/codes/file", OFFICER),
    row("GET", "/v1/groups/{group_id}/opening/open-orders", READERS),
    row("POST", "/v1/groups/{group_id}/opening/open-orders", OFFICER),
    row("POST", "/v1/groups/{group_id}/opening/open-orders/file", OFFICER),
    row("GET", "/v1/groups/{group_id}/opening/consumption", READERS),
    row("POST", "/v1/groups/{group_id}/opening/consumption", OFFICER),
    row("POST", "/v1/groups/{group_id}/opening/consumption/file", OFFICER),
    // Consultations.
    row("GET", "/v1/consultations", Gate::Person),
    row("GET", "/v1/consultations/{consultation_id}", Gate::Person),
    row("GET", "/v1/groups/{group_id}/snapshots/{snapshot_id}/consultation-draft", WATCHERS),
    row("GET", "/v1/groups/{group_id}/consultations", READERS),
    row("POST", "/v1/groups/{group_id}/consultations", OFFICER),
    row("GET", "/v1/groups/{group_id}/consultations/{consultation_id}", READERS),
    row("POST", "/v1/groups/{group_id}/consultations/{consultation_id}", OFFICER),
    row("GET", "/v1/groups/{group_id}/consultations/{consultation_id}/publication", WATCHERS),
    row("POST", "/v1/groups/{group_id}/consultations/{consultation_id}/publish", OFFICER),
    row("POST", "/v1/groups/{group_id}/consultations/{consultation_id}/cancel", OFFICER),
    row("GET", "/v1/groups/{group_id}/consultations/{consultation_id}/tenders", WATCHERS),
    row("POST", "/v1/groups/{group_id}/consultations/{consultation_id}/tenders", group(&[], &[Supplier])),
    row("POST", "/v1/groups/{group_id}/consultations/{consultation_id}/open", OFFICER),
    row("POST", "/v1/groups/{group_id}/consultations/{consultation_id}/score", OFFICER),
    row("POST", "/v1/groups/{group_id}/consultations/{consultation_id}/award", OFFICER),
    row("POST", "/v1/groups/{group_id}/consultations/{consultation_id}/sign", OFFICER),
    // Rounds and needs.
    row("GET", "/v1/groups/{group_id}/rounds", READERS),
    row("POST", "/v1/groups/{group_id}/rounds", OFFICER),
    row("GET", "/v1/groups/{group_id}/rounds/{round_id}", READERS),
    row("POST", "/v1/groups/{group_id}/rounds/{round_id}/close", OFFICER),
    row("POST", "/v1/groups/{group_id}/rounds/{round_id}/consolidate", OFFICER),
    row("POST", "/v1/groups/{group_id}/rounds/{round_id}/needs", REQUESTERS),
    row("POST", "/v1/groups/{group_id}/rounds/{round_id}/needs/batch", REQUESTERS),
    row("POST", "/v1/groups/{group_id}/rounds/{round_id}/needs/file", REQUESTERS),
    row("GET", "/v1/groups/{group_id}/rounds/{round_id}/needs/template", REQUESTERS),
    row("GET", "/v1/groups/{group_id}/needs", READERS),
    row("GET", "/v1/groups/{group_id}/needs/{need_id}", READERS),
    row("PATCH", "/v1/groups/{group_id}/needs/{need_id}", REQUESTERS),
    row("DELETE", "/v1/groups/{group_id}/needs/{need_id}", REQUESTERS),
    row("POST", "/v1/groups/{group_id}/reference-prices", OFFICER),
    // Plans.
    row("GET", "/v1/groups/{group_id}/snapshots/{snapshot_id}/lines", WATCHERS),
    row("POST", "/v1/groups/{group_id}/snapshots/{snapshot_id}/plan", OFFICER),
    row("GET", "/v1/groups/{group_id}/plans/{plan_id}", READERS),
    row("GET", "/v1/groups/{group_id}/plans/{plan_id}/lines", READERS),
    row("GET", "/v1/groups/{group_id}/plans/{plan_id}/shares", READERS),
    row("GET", "/v1/groups/{group_id}/plans/{plan_id}/exclusions", READERS),
    row("POST", "/v1/groups/{group_id}/plans/{plan_id}/approve", OFFICER),
    row("POST", "/v1/groups/{group_id}/plans/{plan_id}/commitments", REQUESTERS),
    row("POST", "/v1/groups/{group_id}/plans/{plan_id}/place", OFFICER),
    // Orders.
    row("POST", "/v1/groups/{group_id}/urgent-orders", OFFICER),
    row("GET", "/v1/groups/{group_id}/pooled-orders", READERS),
    row("GET", "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}", READERS),
    row("GET", "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}/file", WATCHERS),
    row("POST", "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}/answer", SUPPLIERS),
    row("POST", "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}/resend", OFFICER),
    row("GET", "/v1/groups/{group_id}/dispatches", WATCHERS),
    row("POST", "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}/cancel-outstanding", OFFICER),
    row("GET", "/v1/groups/{group_id}/order-forms", READERS),
    row("GET", "/v1/groups/{group_id}/order-lines", READERS),
    row("GET", "/v1/groups/{group_id}/balances", READERS),
    row("GET", "/v1/groups/{group_id}/savings", READERS),
    // On the way.
    row("GET", "/v1/platform/break-bulk", Gate::Person),
    row("POST", "/v1/platform/break-bulk", Gate::Deployment(&[PlatformOperator])),
    row("GET", "/v1/groups/{group_id}/expected", READERS),
    row("GET", "/v1/groups/{group_id}/shipments", READERS),
    row("POST", "/v1/groups/{group_id}/shipments", SUPPLIERS),
    row("POST", "/v1/groups/{group_id}/shipments/{shipment_id}/receive", OPERATORS),
    row("GET", "/v1/groups/{group_id}/allocations", READERS),
    row("GET", "/v1/groups/{group_id}/deliveries", READERS),
    row("GET", "/v1/groups/{group_id}/deliveries/{delivery_id}", READERS),
    row("POST", "/v1/groups/{group_id}/deliveries/{delivery_id}/dispatch", OPERATORS),
    row("POST", "/v1/groups/{group_id}/deliveries/{delivery_id}/prove", CARRIERS),
    row("POST", "/v1/groups/{group_id}/deliveries/{delivery_id}/certify", group(&[MemberReceiver], &[])),
    // The books.
    row("GET", "/v1/groups/{group_id}/audit/{service}/events", group(&[Auditor], &[])),
    // A party across its groups.
    row("GET", "/v1/parties/{party_id}/agreements", Gate::Party),
    row("GET", "/v1/parties/{party_id}/needs", Gate::Party),
    row("GET", "/v1/parties/{party_id}/tenders", Gate::Party),
    row("GET", "/v1/parties/{party_id}/orders", Gate::Party),
    row("GET", "/v1/parties/{party_id}/orders/{pooled_order_id}", Gate::Party),
    row("GET", "/v1/parties/{party_id}/orders/{pooled_order_id}/file", Gate::Party),
    row("GET", "/v1/parties/{party_id}/order-forms", Gate::Party),
    row("GET", "/v1/parties/{party_id}/order-lines", Gate::Party),
    row("GET", "/v1/parties/{party_id}/expected", Gate::Party),
    row("GET", "/v1/parties/{party_id}/shipments", Gate::Party),
    row("GET", "/v1/parties/{party_id}/deliveries", Gate::Party),
    row("GET", "/v1/parties/{party_id}/deliveries/{delivery_id}", Gate::Party),
];

/// The gate of a route.
#[must_use]
pub fn gate(method: &str, path: &str) -> Option<Gate> {
    let method = if method == "HEAD" { "GET" } else { method };
    TABLE.iter().find(|row| row.method == method && row.path == path).map(|row| row.gate)
}

/// The methods that a path takes, comma-separated.
#[must_use]
pub fn methods(path: &str) -> String {
    TABLE.iter().filter(|row| row.path == path).map(|row| row.method).collect::<Vec<_>>().join(", ")
}

impl Gate {
    /// Who may pass, in words, for the OpenAPI document.
    #[must_use]
    pub fn described(self) -> String {
        let names = |roles: &[Role]| roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
        match self {
            Self::Public => "Public.".to_owned(),
            Self::Person => "Any registered person.".to_owned(),
            Self::Deployment(roles) => format!("Roles across groups: {}.", names(roles)),
            Self::Group { members, visitors: [] } => format!("Roles in the group: {}.", names(members)),
            Self::Group { members: [], visitors } => format!("Roles across groups: {}.", names(visitors)),
            Self::Group { members, visitors } => {
                format!("Roles in the group: {}; across groups: {}.", names(members), names(visitors))
            }
            Self::Party => "Any role for the party.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_route_has_one_row() {
        let mut seen = HashSet::new();
        for row in TABLE {
            assert!(seen.insert((row.method, row.path)), "{} {} twice", row.method, row.path);
        }
        assert!(gate("HEAD", "/v1/me").is_some() && gate("PUT", "/v1/me").is_none());
    }

    #[test]
    fn the_gate_fits_the_path() {
        for row in TABLE {
            match row.gate {
                Gate::Group { members, visitors } => {
                    assert!(row.path.starts_with("/v1/groups/{group_id}"), "{}", row.path);
                    assert!(!(members.is_empty() && visitors.is_empty()), "{}", row.path);
                    // Visitors read in party sessions; a group session is only for their writes.
                    assert!(visitors.is_empty() || row.method == "POST", "{} {}", row.method, row.path);
                }
                Gate::Party => {
                    assert!(row.path.starts_with("/v1/parties/{party_id}/") && row.method == "GET", "{}", row.path)
                }
                Gate::Public => {
                    assert!(!row.path.starts_with("/v1") || row.path.starts_with("/v1/public/"), "{}", row.path)
                }
                Gate::Person | Gate::Deployment(_) => assert!(row.path.starts_with("/v1"), "{}", row.path),
            }
        }
    }

    #[test]
    fn an_auditor_changes_nothing_and_an_administrator_reads_no_group() {
        for row in TABLE.iter().filter(|row| row.path != "/v1/groups/{group_id}/entitlements") {
            if let Gate::Group { members, visitors } = row.gate {
                assert!(!(members.contains(&Auditor) && row.method != "GET"), "{} {}", row.method, row.path);
                assert!(
                    !visitors.contains(&Administrator) || row.path.starts_with("/v1/groups/{group_id}/members/"),
                    "{}",
                    row.path
                );
            }
        }
    }

    #[test]
    fn who_orders_does_not_certify() {
        assert_eq!(
            gate("POST", "/v1/groups/{group_id}/deliveries/{delivery_id}/certify"),
            Some(group(&[MemberReceiver], &[]))
        );
    }
}
