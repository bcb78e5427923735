//! proto ↔ domain. Reading collects every fault of a request, so that one answer tells all that must be mended.

mod bouquet;
pub mod contribution;
mod fields;
mod group;
mod label;
mod login;
pub mod mandate;
mod member;
mod members_load;
mod page;
mod party;
mod person;
mod practitioner;
mod rights;
pub mod rule;
mod site;
pub mod voting;

use std::{collections::HashMap, hash::Hash};

pub use bouquet::{
    ListSubscriptionsInput, ServiceInput, ServiceRef, SubscribeInput, TerminateInput, list_services_from_proto,
    list_subscriptions_from_proto, service_to_proto, services_from_proto, subscribe_from_proto, subscription_to_proto,
    terminate_from_proto,
};
pub use fields::Fields;
pub use group::{GroupInput, group_from_proto, group_to_proto};
pub use label::{
    AuditInput, CharterInput, DueKey, SignInput, audit_from_proto, audit_to_proto, charter_from_proto,
    charter_to_proto, due_from_proto, list_audits_from_proto, outcome_to_proto, scheme_from_proto, scheme_to_proto,
    sign_from_proto,
};
pub use login::{Credentials, credentials_from_proto};
pub use member::{
    ListMembersInput, MemberInput, list_members_from_proto, member_to_proto, member_with_standing, members_from_proto,
};
pub use members_load::rows_from_proto;
pub(crate) use page::page_from_proto;
pub use party::{parties_from_proto, party_to_proto};
pub use person::{GrantInput, GroupRef, PersonInput, grant_to_proto, people_from_proto, person_to_proto};
pub(crate) use person::{parse_login, parse_password};
pub use practitioner::{
    AttachmentInput, ListPractitionersInput, PractitionerInput, PractitionerRef, list_practitioners_from_proto,
    practitioner_to_proto, practitioners_from_proto,
};
pub use rights::{
    DelegateInput, DelegationInput, IdentityInput, ListDelegationsInput, change_from_proto, dated_identity_to_proto,
    dated_status_to_proto, delegation_from_proto, delegation_to_proto, identity_to_record, list_delegations_from_proto,
    revocation_from_proto, status_to_record,
};
pub use site::{SiteInput, list_sites_from_proto, site_to_proto, sites_from_proto};

/// Things registered in one call at most.
const MOST_REGISTERED: usize = 1_000;

/// A fault for each value that stands in two rows of one request.
fn check_repeats<T: Hash + Eq>(fields: &mut Fields, rows: &str, field: &str, values: impl Iterator<Item = Option<T>>) {
    let mut first: HashMap<T, usize> = HashMap::new();
    for (index, value) in values.enumerate() {
        let Some(value) = value else { continue };
        match first.get(&value) {
            Some(earlier) => {
                fields.fault(&format!("{rows}[{index}].{field}"), &format!("is that of {rows}[{earlier}]"))
            }
            None => {
                first.insert(value, index);
            }
        }
    }
}
