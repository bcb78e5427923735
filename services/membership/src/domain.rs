//! The rules of who is who, as plain types and functions.
//!
//! 1. A party is known by one key, which keeps its kind for ever; a site keeps its party.
//! 2. A SIRET, a FINESS number or a GLN names at most one party, and at most one site.
//! 3. An establishment has a buyer status (CCP L1211-1); saying that one is not a contracting authority takes evidence and its date.
//! 4. A group has one legal form, one awarding party, and at most one platform that serves it.
//! 5. On one day a party belongs to a group in at most one way, and only establishments do.
//! 6. A role reaches as far as its kind says ([`GrantRole::reach`]); nobody both requests and receives for one member of one group.
//! 7. After 10 failed logins within 15 minutes a login waits.
//! 8. A practitioner's attachment makes neither a member nor a beneficiary of the party. Where the group has a charter, joining signs it.
//! 9. A subscription keeps what was agreed; it ends when its term and its notice allow ([`last_day`]).
//! 10. A level of the label follows from an audit of every criterion and from nothing else ([`audit`]).
//! 11. A members file never changes what the registry says ([`MembersLoad`]).

mod bouquet;
mod error;
mod group;
mod identifier;
mod label;
mod login;
mod member;
mod members_load;
mod page;
mod party;
mod person;
mod practitioner;
mod reference;
mod site;

pub use bouquet::{Ending, EndingRule, PriceUnit, Service, ServiceTerms, Subscription, last_day, term_end};
pub use error::MembershipError;
pub use group::{FormRules, Group, GroupForm};
pub use identifier::{Finess, Gln, Key, Rpps, Siret};
pub use label::{
    Axis, Criterion, Decision, Finding, LabelLevel, Outcome, Scheme, Verdict, audit, check_findings, check_scheme,
    months_after,
};
pub use login::{FAILURE_WINDOW, FAILURES_ALLOWED, TOKEN_LIFETIME, locked_for};
pub use member::{Member, MemberFacts, MemberKind, Period, find_overlap};
pub use members_load::{Known, MembersLoad, PartyRow, PractitionerRow, Registrar, Row, SiteRow};
pub use page::Page;
pub use party::{BuyerStatus, Party, PartyKind, check_parties};
pub use person::{Grant, GrantRole, Person, Reach, check_grant_parties, find_same_duty};
pub use practitioner::{Attachment, PlaceKind, Practitioner, Signature, find_attachment_overlap};
pub use reference::{PartyRef, SiteRef};
pub use site::{Authorisation, Position, Site, check_sites};
