//! What membership is asked, as this service in the group. Never while a transaction is open.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{
    Caller, Failure, Scope,
    client::Peer,
    id::{GroupId, PartyId},
    signature::{self, Signatures},
};
use proto::membership::v1::{
    Act, BatchGetPartiesRequest, GetGroupRequest, ListMembersRequest, PartyKind,
    membership_service_client::MembershipServiceClient,
};
use tonic::transport::Channel;

use crate::{
    convert,
    domain::entitlement::{GroupFacts, MemberFacts},
};

/// Parties that membership takes in one call.
const PARTIES_PER_CALL: usize = 2_000;

#[derive(Debug, Clone)]
pub(super) struct Membership {
    peer: Peer,
}

impl Membership {
    pub(super) const fn new(peer: Peer) -> Self {
        Self { peer }
    }

    fn client(&self) -> MembershipServiceClient<Channel> {
        MembershipServiceClient::new(self.peer.channel())
    }

    pub(super) async fn group(&self, group: GroupId) -> Result<GroupFacts, Failure> {
        let request = self.peer.request(&itself(group), GetGroupRequest {})?;
        convert::group_from_proto(self.client().get_group(request).await?.into_inner())
    }

    /// Those of the parties that are members on the day.
    pub(super) async fn members(
        &self,
        group: GroupId,
        on: NaiveDate,
        parties: &[PartyId],
    ) -> Result<HashMap<PartyId, MemberFacts>, Failure> {
        let mut members = HashMap::new();
        for some in parties.chunks(PARTIES_PER_CALL) {
            let party_ids = some.iter().map(ToString::to_string).collect();
            let asked = ListMembersRequest { on: on.to_string(), party_ids, page: None };
            let request = self.peer.request(&itself(group), asked)?;
            members.extend(convert::members_from_proto(self.client().list_members(request).await?.into_inner())?);
        }
        Ok(members)
    }

    /// Rights to award in a party's name that hold on the day.
    pub(super) async fn award_rights(
        &self,
        group: GroupId,
        party: PartyId,
        on: NaiveDate,
    ) -> Result<Signatures, Failure> {
        signature::ask(&self.peer, "tendering", group, party, Act::Award, Some(on)).await
    }

    /// Parties by reference (`pty_…`, `key:…`, `siret:…`, `finess:…`); unknown ones are left out.
    pub(super) async fn parties_by_ref(
        &self,
        group: GroupId,
        refs: &[String],
    ) -> Result<HashMap<String, PartyId>, Failure> {
        let mut found = HashMap::new();
        for some in refs.chunks(PARTIES_PER_CALL) {
            let request = self.peer.request(&itself(group), BatchGetPartiesRequest { refs: some.to_vec() })?;
            found.extend(convert::parties_by_ref(self.client().batch_get_parties(request).await?.into_inner())?);
        }
        Ok(found)
    }

    /// What the parties are; unknown ones are left out. At most 2,000.
    pub(super) async fn party_kinds(
        &self,
        group: GroupId,
        parties: &[PartyId],
    ) -> Result<HashMap<PartyId, PartyKind>, Failure> {
        let refs = parties.iter().map(ToString::to_string).collect();
        let request = self.peer.request(&itself(group), BatchGetPartiesRequest { refs })?;
        convert::party_kinds_from_proto(self.client().batch_get_parties(request).await?.into_inner())
    }
}

fn itself(group: GroupId) -> Caller {
    Caller::service("tendering", Scope::Group(group))
}
