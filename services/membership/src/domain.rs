//! The rules of who is who, as plain types and functions.
//!
//! 1. A party is known by one key, which keeps its kind for ever; a site keeps its party.
//! 2. A SIRET, a FINESS number or a GLN names at most one party, and at most one site.
//! 3. An establishment has a buyer status (CCP L1211-1); saying that one is not a contracting authority takes evidence and its date.
//! 4. A group has one legal form, one awarding party, and at most one platform that serves it.
//! 5. On one day a party belongs to a group in at most one way, and only establishments do.
//! 6. A role reaches as far as its kind says ([`GrantRole::reach`]); nobody both requests and receives for one member of one group.
//! 7. A delegation of signature is given by the party in whose name is signed; a replacement never allows more than what it stands in for.
//! 8. What changes about a party (buyer status, SIRET, name, who took it over) is dated and added at the end: the past stays.
//! 9. After 10 failed logins within 15 minutes a login waits.
//! 10. A group's own rules are dated, one a day for each key; a decision keeps the rule, the votes and the figures it was taken with.
//! 11. Where the rule asks for a vote, nobody is admitted without an adopted decision about it.
//! 12. A mandate keeps the rule of its office: election, term, seats, alternation.
//! 13. An invoice of contributions is the sum of its lines, and what is shared among members sums to what the rule says.
//! 14. A practitioner's attachment makes neither a member nor a beneficiary of the party. Where the group has a charter, joining signs it.
//! 15. A subscription keeps what was agreed; it ends when its term and its notice allow ([`last_day`]).
//! 16. A level of the label follows from an audit of every criterion and from nothing else ([`audit`]).
//! 17. A members file never changes what the registry says ([`MembersLoad`]).

pub mod balance;
mod bouquet;
mod change;
pub mod contribution;
mod dated;
mod delegation;
mod error;
pub mod governance_error;
mod group;
mod identifier;
mod label;
mod login;
pub mod mandate;
mod member;
mod members_load;
pub mod month;
mod page;
mod party;
mod person;
mod practitioner;
mod reason;
mod reference;
mod rule;
mod site;
pub mod voting;

pub use bouquet::{Ending, EndingRule, PriceUnit, Service, ServiceTerms, Subscription, last_day, term_end};
pub use change::{Change, ChangeKind, Changed, change};
pub use dated::{DatedIdentity, DatedStatus, GhtStanding, OrderDelegation, Predecessor, follows};
pub use delegation::{Act, Delegate, Delegation, Rights};
pub use error::MembershipError;
pub use group::{FormRules, Group, GroupForm};
pub use identifier::{Finess, Gln, Key, Rpps, Siret};
pub use label::{
    Axis, Criterion, Decision, Finding, LabelLevel, Outcome, Scheme, Verdict, audit, check_findings, check_scheme,
    months_after,
};
pub use login::{FAILURE_WINDOW, FAILURES_ALLOWED, TOKEN_LIFETIME, locked_for};
pub use member::{Member, MemberFacts, MemberKind, Period, find_overlap, is_admission, is_voted};
pub use members_load::{Known, MembersLoad, PartyRow, PractitionerRow, Registrar, Row, SiteRow};
pub use page::Page;
pub use party::{BuyerStatus, Party, PartyKind, check_parties};
pub use person::{Grant, GrantRole, Person, Reach, check_grant_parties, find_same_duty};
pub use practitioner::{Attachment, PlaceKind, Practitioner, Signature, find_attachment_overlap};
pub use reason::Reason;
pub use reference::{PartyRef, SiteRef};
pub use rule::{Dated, RuleKind, parse_named};
pub use site::{Authorisation, Position, Site, check_sites};
