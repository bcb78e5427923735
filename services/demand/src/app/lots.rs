//! Drawing up a consultation from a census: nothing is changed.

use kit::{
    Caller, Failure, Role,
    id::{PartyId, SnapshotId},
};
use proto::{
    demand::v1::{DraftConsultationRequest, DraftConsultationResponse},
    membership::v1::{GetGroupRequest, membership_service_client::MembershipServiceClient},
};

use super::App;
use crate::{
    convert::{self, Fields, lots::described, lots::draft_to_proto},
    domain::{
        error::DemandError,
        lots::{ARTICLE_LIMIT, Asked, DURATION_LIMIT, MARGIN_LIMIT, Span, draw_up},
        order_error::OrderError,
        round::{Round, RoundKind},
    },
    store::{
        lots, rounds,
        snapshots::{self, Snapshot},
    },
};

/// A census as it was frozen.
struct Frozen {
    snapshot: Snapshot,
    round: Round,
    period_months: i32,
    asked: Vec<Asked>,
    members: Vec<PartyId>,
}

impl App {
    /// Lots, quantities, estimates and buyers of a consultation, from a snapshot of a census.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_A_CENSUS`, `DRAFT_TOO_LARGE`, `INVALID_INPUT`, `SNAPSHOT_NOT_WHOLE`.
    pub async fn draft_consultation(
        &self,
        caller: &Caller,
        request: DraftConsultationRequest,
    ) -> Result<DraftConsultationResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::Auditor])?;
        let group = caller.group()?;
        let DraftConsultationRequest { snapshot_id, duration_months, margin_percent } = request;
        let mut fields = Fields::default();
        let id: Option<SnapshotId> = fields.id("snapshot_id", &snapshot_id);
        let detail = format!("must be from 1 to {DURATION_LIMIT}");
        fields.check((1..=DURATION_LIMIT).contains(&duration_months), "duration_months", detail);
        let detail = format!("must be from 0 to {MARGIN_LIMIT}");
        fields.check((0..=MARGIN_LIMIT).contains(&margin_percent), "margin_percent", detail);
        fields.finish()?;
        let id = id.ok_or_else(|| Failure::internal("an id without fault and without value"))?;
        let frozen = self.frozen_census(caller, id).await?;
        let refs: Vec<String> = frozen.asked.iter().map(|asked| asked.article.to_string()).collect();
        let (articles, awarding_party_id) =
            tokio::try_join!(self.find_articles(group, &refs), self.awarding_party(caller))?;
        let mut lines = Vec::with_capacity(frozen.asked.len());
        for asked in frozen.asked {
            let found = articles.get(&asked.article.to_string()).and_then(|found| found.article.as_ref());
            let article = found.ok_or_else(|| Failure::internal(format!("catalogue has no {}", asked.article)))?;
            lines.push((asked, described(article)));
        }
        let span = Span { period_months: frozen.period_months, duration_months, margin_percent };
        let lots = draw_up(lines, span).map_err(OrderError::Arithmetic)?;
        Ok(DraftConsultationResponse {
            title: format!("Consultation tirée de « {} »", frozen.round.terms.title),
            awarding_party_id,
            beneficiary_ids: frozen.members.iter().map(ToString::to_string).collect(),
            snapshot: Some(convert::snapshot_to_proto(&frozen.snapshot)),
            period_months: frozen.period_months,
            ..draft_to_proto(&lots, span)
        })
    }

    async fn awarding_party(&self, caller: &Caller) -> Result<String, Failure> {
        let own = Self::own(caller.scope);
        let reply = MembershipServiceClient::new(self.membership.channel())
            .get_group(self.membership.request(&own, GetGroupRequest {})?)
            .await?;
        let group = reply.into_inner().group.ok_or_else(|| Failure::internal("membership answered without a group"))?;
        Ok(group.awarding_party_id)
    }

    /// A census's needs, proved to be those that were frozen.
    async fn frozen_census(&self, caller: &Caller, id: SnapshotId) -> Result<Frozen, Failure> {
        let group = caller.group()?;
        let mut tx = self.db.begin(caller).await?;
        let snapshot =
            snapshots::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("snapshot", id))?;
        let round = rounds::find(tx.conn(), group, snapshot.round_id).await?;
        let round = round.ok_or_else(|| Failure::not_found("round", snapshot.round_id))?;
        let period_months = match round.terms.kind {
            RoundKind::Census { period_months } => period_months,
            RoundKind::Order | RoundKind::Urgent => {
                return Err(DemandError::NotACensus { title: round.terms.title }.into());
            }
        };
        if usize::try_from(snapshot.article_count).map_err(Failure::internal)? > ARTICLE_LIMIT {
            let error = DemandError::DraftTooLarge { articles: snapshot.article_count, limit: ARTICLE_LIMIT };
            return Err(error.into());
        }
        let measured = snapshots::measure(tx.conn(), group, round.id).await?;
        if snapshot.sha256 != measured.sha256 {
            let (frozen, found) = (snapshot.need_count, measured.need_count);
            return Err(OrderError::SnapshotNotWhole { snapshot: id.to_string(), frozen, found }.into());
        }
        let asked = lots::asked(tx.conn(), group, round.id).await?;
        let members = lots::members(tx.conn(), group, round.id).await?;
        tx.rollback().await?;
        Ok(Frozen { snapshot, round, period_months, asked, members })
    }
}
