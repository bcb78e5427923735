//! Groups.

use kit::Failure;
use proto::membership::v1 as pb;

use super::{Fields, site::party_reference};
use crate::domain::{FormRules, Group, GroupForm, Key, PartyRef, SiteRef};

/// A group to create, whose party and site are still references.
#[derive(Debug)]
pub struct GroupInput {
    /// Natural key.
    pub key: Key,
    /// Name.
    pub name: String,
    /// Legal form.
    pub form: GroupForm,
    /// Who awards.
    pub awarding_party: PartyRef,
    /// Which platform serves it.
    pub platform_site: Option<SiteRef>,
}

/// Reads a group to create.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn group_from_proto(group: Option<&pb::Group>) -> Result<GroupInput, Failure> {
    let group = group.ok_or_else(|| Failure::invalid_field("group", "must be given"))?;
    let mut fields = Fields::new();
    if !group.id.is_empty() {
        fields.fault("group.id", "must be empty: it is given by the service");
    }
    if group.rules.is_some() {
        fields.fault("group.rules", "must be empty: they follow from the form");
    }
    let key = fields.parsed("group.key", &group.key, Key::parse);
    let name = fields.text("group.name", &group.name, 1, 200);
    let form = form_from_proto(group.form());
    if form.is_none() {
        fields.fault("group.form", "must be a legal form");
    }
    let awarding_party = party_reference(&mut fields, "group.awarding_party_id", &group.awarding_party_id);
    let platform_site = fields.parsed_if_any("group.platform_site_id", &group.platform_site_id, |text| {
        SiteRef::parse(text)
            .filter(|site| matches!(site, SiteRef::Id(_) | SiteRef::Key(_)))
            .ok_or("must be a site's id (sit_…) or key:… with its key")
    });
    let read = key.zip(form).zip(awarding_party).map(|((key, form), awarding_party)| GroupInput {
        key,
        name,
        form,
        awarding_party,
        platform_site,
    });
    fields.finish(read)
}

/// A group as people and services read it, with the rules of its form on the day of reading.
#[must_use]
pub fn group_to_proto(group: &Group, rules: Option<&FormRules>) -> pb::Group {
    pb::Group {
        id: group.id.to_string(),
        key: group.key.to_string(),
        name: group.name.clone(),
        form: form_to_proto(group.form).into(),
        awarding_party_id: group.awarding_party_id.to_string(),
        platform_site_id: group.platform_site_id.map(|site| site.to_string()).unwrap_or_default(),
        rules: rules.map(rules_to_proto),
    }
}

fn rules_to_proto(rules: &FormRules) -> pb::FormRules {
    pb::FormRules {
        legal_person: rules.legal_person,
        awards: rules.awards.clone(),
        orders: rules.orders.clone(),
        receives: rules.receives.clone(),
        pays: rules.pays.clone(),
        ordering_needs_delegation: rules.ordering_needs_delegation,
        source: rules.source.clone(),
    }
}

const fn form_from_proto(form: pb::GroupForm) -> Option<GroupForm> {
    match form {
        pb::GroupForm::Unspecified => None,
        pb::GroupForm::Ght => Some(GroupForm::Ght),
        pb::GroupForm::GcsMoyens => Some(GroupForm::GcsMoyens),
        pb::GroupForm::GipCentrale => Some(GroupForm::GipCentrale),
        pb::GroupForm::Gie => Some(GroupForm::Gie),
        pb::GroupForm::GroupementCommandes => Some(GroupForm::GroupementCommandes),
        pb::GroupForm::Charter => Some(GroupForm::Charter),
        pb::GroupForm::Alliance => Some(GroupForm::Alliance),
    }
}

const fn form_to_proto(form: GroupForm) -> pb::GroupForm {
    match form {
        GroupForm::Ght => pb::GroupForm::Ght,
        GroupForm::GcsMoyens => pb::GroupForm::GcsMoyens,
        GroupForm::GipCentrale => pb::GroupForm::GipCentrale,
        GroupForm::Gie => pb::GroupForm::Gie,
        GroupForm::GroupementCommandes => pb::GroupForm::GroupementCommandes,
        GroupForm::Charter => pb::GroupForm::Charter,
        GroupForm::Alliance => pb::GroupForm::Alliance,
    }
}
