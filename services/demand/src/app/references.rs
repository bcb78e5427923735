//! What demand asks other services before its own transactions: articles, sites, members, agreements.

use std::collections::{HashMap, HashSet};

use kit::{
    Caller, Failure, Role, Scope,
    error::CommonError,
    id::{AgreementId, GroupId, PartyId, SiteId},
};
use proto::{
    catalogue::v1::{BatchGetArticlesRequest, FoundArticle, catalogue_service_client::CatalogueServiceClient},
    common::v1::Page,
    membership::v1::{
        BatchGetPartiesRequest, BatchGetSitesRequest, ListMembersRequest, Site,
        membership_service_client::MembershipServiceClient,
    },
    tendering::v1::{ListAgreementsRequest, tendering_service_client::TenderingServiceClient},
};

use super::App;
use crate::domain::error::DemandError;

/// Largest answer taken: 20,000 articles with their packagings.
const ANSWER_LIMIT: usize = 64 << 20;
/// References in one question, as the contracts limit them.
const ARTICLES_AT_ONCE: usize = 20_000;
const SITES_AT_ONCE: usize = 5_000;
const MEMBERS_AT_ONCE: usize = 2_000;

impl App {
    /// Articles by reference (`art_…`, `key:…`, `gtin:…`, `cip13:…` or a bare code); unknown ones are left out.
    ///
    /// # Errors
    /// When catalogue cannot answer.
    pub(crate) async fn find_articles(
        &self,
        group: GroupId,
        refs: &[String],
    ) -> Result<HashMap<String, FoundArticle>, Failure> {
        let mut found = HashMap::with_capacity(refs.len());
        let mut client = CatalogueServiceClient::new(self.catalogue.channel()).max_decoding_message_size(ANSWER_LIMIT);
        for refs in refs.chunks(ARTICLES_AT_ONCE) {
            let request = BatchGetArticlesRequest { refs: refs.to_vec() };
            let request = self.catalogue.request(&Self::own(Scope::Group(group)), request)?;
            let reply = client.batch_get_articles(request).await?.into_inner();
            found.extend(reply.found.into_iter().map(|article| (article.r#ref.clone(), article)));
        }
        Ok(found)
    }

    /// Sites by reference (`sit_…`, `finess:…`, `gln:…` or `key:…`); unknown ones are left out.
    ///
    /// # Errors
    /// When membership cannot answer.
    pub(crate) async fn find_sites(&self, group: GroupId, refs: &[String]) -> Result<HashMap<String, Site>, Failure> {
        let mut found = HashMap::with_capacity(refs.len());
        let mut client =
            MembershipServiceClient::new(self.membership.channel()).max_decoding_message_size(ANSWER_LIMIT);
        for refs in refs.chunks(SITES_AT_ONCE) {
            let request = BatchGetSitesRequest { refs: refs.to_vec() };
            let request = self.membership.request(&Self::own(Scope::Group(group)), request)?;
            let reply = client.batch_get_sites(request).await?.into_inner();
            found.extend(reply.found.into_iter().filter_map(|found| Some((found.r#ref, found.site?))));
        }
        Ok(found)
    }

    /// Parties by reference (`pty_…`, `key:…`, `siret:…` or `finess:…`); unknown ones are left out.
    ///
    /// # Errors
    /// When membership cannot answer.
    pub(crate) async fn find_parties(
        &self,
        group: GroupId,
        refs: &[String],
    ) -> Result<HashMap<String, PartyId>, Failure> {
        let mut found = HashMap::with_capacity(refs.len());
        let mut client =
            MembershipServiceClient::new(self.membership.channel()).max_decoding_message_size(ANSWER_LIMIT);
        for refs in refs.chunks(MEMBERS_AT_ONCE) {
            let request = BatchGetPartiesRequest { refs: refs.to_vec() };
            let request = self.membership.request(&Self::own(Scope::Group(group)), request)?;
            let reply = client.batch_get_parties(request).await?.into_inner();
            found
                .extend(reply.found.into_iter().filter_map(|found| Some((found.r#ref, found.party?.id.parse().ok()?))));
        }
        Ok(found)
    }

    /// Which of the parties are members of the group today.
    ///
    /// # Errors
    /// When membership cannot answer.
    pub(crate) async fn find_members(&self, group: GroupId, parties: &[PartyId]) -> Result<HashSet<PartyId>, Failure> {
        let mut found = HashSet::with_capacity(parties.len());
        let mut client =
            MembershipServiceClient::new(self.membership.channel()).max_decoding_message_size(ANSWER_LIMIT);
        for parties in parties.chunks(MEMBERS_AT_ONCE) {
            let party_ids = parties.iter().map(ToString::to_string).collect();
            let request = ListMembersRequest { on: String::new(), party_ids, page: None };
            let request = self.membership.request(&Self::own(Scope::Group(group)), request)?;
            let reply = client.list_members(request).await?.into_inner();
            found.extend(reply.members.iter().filter_map(|member| member.party_id.parse::<PartyId>().ok()));
        }
        Ok(found)
    }

    /// Checks that the caller may state needs of a member and that it is a member today.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED` or `PARTY_NOT_MEMBER`.
    pub(crate) async fn check_states_for(&self, caller: &Caller, party: PartyId) -> Result<(), Failure> {
        check_may_state_for(caller, party)?;
        if self.find_members(caller.group()?, &[party]).await?.contains(&party) {
            return Ok(());
        }
        Err(DemandError::PartyNotMember { party: party.to_string() }.into())
    }

    /// The site, if there is one of this id.
    ///
    /// # Errors
    /// When membership cannot answer.
    pub(crate) async fn find_site(&self, group: GroupId, id: SiteId) -> Result<Option<Site>, Failure> {
        Ok(self.find_sites(group, &[id.to_string()]).await?.into_values().next())
    }

    /// Which of the agreements are the group's.
    ///
    /// # Errors
    /// When tendering cannot answer.
    pub(crate) async fn find_agreements(
        &self,
        group: GroupId,
        wanted: &[AgreementId],
    ) -> Result<HashSet<AgreementId>, Failure> {
        let mut found = HashSet::new();
        let mut client = TenderingServiceClient::new(self.tendering.channel()).max_decoding_message_size(ANSWER_LIMIT);
        let mut after = String::new();
        loop {
            let page = Some(Page { size: 500, after });
            let request = ListAgreementsRequest { in_force_on: String::new(), page };
            let request = self.tendering.request(&Self::own(Scope::Group(group)), request)?;
            let reply = client.list_agreements(request).await?.into_inner();
            let ids = reply.agreements.iter().filter_map(|agreement| agreement.id.parse::<AgreementId>().ok());
            found.extend(ids.filter(|id| wanted.contains(id)));
            after = reply.next_after;
            if after.is_empty() || found.len() == wanted.len() {
                return Ok(found);
            }
        }
    }
}

/// Who may state needs of a member: its requesters, and the group's purchasing officers.
pub(crate) fn check_may_state_for(caller: &Caller, party: PartyId) -> Result<(), Failure> {
    caller.require(&[Role::PurchasingOfficer, Role::MemberRequester])?;
    if caller.has(&[Role::PurchasingOfficer]) || caller.acts_for == Some(party) {
        return Ok(());
    }
    Err(CommonError::RoleNotAllowed { needed: Role::PurchasingOfficer.name().to_owned() }.into())
}

/// The member to whose rows a person is limited in a group's session: none for those who see the whole group, nor in a
/// party's session, where the policies decide.
///
/// # Errors
/// `ROLE_NOT_ALLOWED` for a role that reads in party sessions only, `WRONG_SESSION` outside both.
pub(crate) fn limited_to(caller: &Caller) -> Result<Option<PartyId>, Failure> {
    match caller.scope {
        Scope::Party(_) => Ok(None),
        Scope::Deployment => Err(CommonError::WrongSession("a group or a party").into()),
        Scope::Group(_) if caller.has(&[Role::PurchasingOfficer, Role::Auditor, Role::Service]) => Ok(None),
        Scope::Group(_) => {
            caller.require(&[Role::PurchasingOfficer, Role::Auditor, Role::MemberRequester, Role::MemberReceiver])?;
            caller.party().map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scope: Scope, roles: &[Role], acts_for: Option<PartyId>) -> Caller {
        Caller { subject: "prs_x".into(), scope, acts_for, roles: roles.to_vec() }
    }

    #[test]
    fn a_requester_states_for_its_member_only_and_an_officer_for_any() {
        let (mine, other) = (PartyId::new(), PartyId::new());
        let group = Scope::Group(GroupId::new());
        let requester = caller(group, &[Role::MemberRequester], Some(mine));
        assert!(check_may_state_for(&requester, mine).is_ok());
        assert_eq!(check_may_state_for(&requester, other).unwrap_err().reason(), "ROLE_NOT_ALLOWED");
        let officer = caller(group, &[Role::PurchasingOfficer], Some(mine));
        assert!(check_may_state_for(&officer, other).is_ok());
        for role in [Role::Auditor, Role::MemberReceiver, Role::Supplier, Role::PlatformOperator, Role::Administrator] {
            let refused = check_may_state_for(&caller(group, &[role], Some(mine)), mine);
            assert_eq!(refused.unwrap_err().reason(), "ROLE_NOT_ALLOWED", "{role:?}");
        }
    }

    #[test]
    fn only_those_who_see_the_whole_group_are_not_limited_in_it() {
        let mine = PartyId::new();
        let group = Scope::Group(GroupId::new());
        let limit = |scope, roles: &[Role]| limited_to(&caller(scope, roles, Some(mine))).map_err(|e| e.reason());
        assert_eq!(limit(group, &[Role::MemberRequester]), Ok(Some(mine)));
        assert_eq!(limit(group, &[Role::MemberReceiver]), Ok(Some(mine)));
        assert_eq!(limit(group, &[Role::MemberReceiver, Role::Auditor]), Ok(None));
        assert_eq!(limit(group, &[Role::Supplier]), Err("ROLE_NOT_ALLOWED".to_owned()));
        assert_eq!(limit(Scope::Party(mine), &[Role::Supplier]), Ok(None));
        assert_eq!(limit(Scope::Deployment, &[Role::Administrator]), Err("WRONG_SESSION".to_owned()));
    }
}
