//! Event kinds are never changed, only added to: stored samples of every kind decode for ever, to the same bytes.

use std::collections::BTreeMap;

use e2e::root;
use prost::Message;
use proto::{
    catalogue::v1 as catalogue, demand::v1 as demand, logistics::v1 as logistics, membership::v1 as membership,
    tendering::v1 as tendering,
};

use crate::shared::shared;

fn again<M: Message + Default>(bytes: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    M::decode(bytes).map(|message| message.encode_to_vec())
}

/// Decodes an event by its kind and writes it again.
fn read_and_write(kind: &str, bytes: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    match kind {
        "membership.parties_registered.v1" => again::<membership::PartiesRegistered>(bytes),
        "membership.sites_registered.v1" => again::<membership::SitesRegistered>(bytes),
        "membership.group_created.v1" => again::<membership::GroupCreated>(bytes),
        "membership.members_added.v1" => again::<membership::MembersAdded>(bytes),
        "membership.people_registered.v1" => again::<membership::PeopleRegistered>(bytes),
        "membership.group_rules_set.v1" => again::<membership::GroupRulesSet>(bytes),
        "membership.voting_rights_set.v1" => again::<membership::VotingRightsSet>(bytes),
        "membership.decision_recorded.v1" => again::<membership::DecisionRecorded>(bytes),
        "membership.minutes_attached.v1" => again::<membership::MinutesAttached>(bytes),
        "membership.mandate_recorded.v1" | "membership.mandate_ended.v1" => again::<membership::MandateChanged>(bytes),
        "membership.commission_seats_set.v1" => again::<membership::CommissionSeatsSet>(bytes),
        "membership.contributions_invoiced.v1" => again::<membership::ContributionsInvoiced>(bytes),
        "membership.logistics_costs_set.v1" => again::<membership::LogisticsCostsSet>(bytes),
        "membership.saving_declared.v1" => again::<membership::SavingDeclared>(bytes),
        "membership.delegation_recorded.v1" => again::<membership::DelegationRecorded>(bytes),
        "membership.delegation_revoked.v1" => again::<membership::DelegationRevoked>(bytes),
        "membership.buyer_status_recorded.v1" => again::<membership::BuyerStatusRecorded>(bytes),
        "membership.identity_recorded.v1" => again::<membership::IdentityRecorded>(bytes),
        "membership.member_changed.v1" => again::<membership::MemberChanged>(bytes),
        "membership.services_registered.v1" => again::<membership::ServicesRegistered>(bytes),
        "membership.practitioners_added.v1" => again::<membership::PractitionersAdded>(bytes),
        "membership.subscribed.v1" => again::<membership::Subscribed>(bytes),
        "membership.subscription_terminated.v1" => again::<membership::SubscriptionTerminated>(bytes),
        "membership.charter_published.v1" => again::<membership::CharterPublished>(bytes),
        "membership.charter_signed.v1" => again::<membership::CharterSigned>(bytes),
        "membership.label_scheme_set.v1" => again::<membership::LabelSchemeSet>(bytes),
        "membership.label_audited.v1" => again::<membership::LabelAudited>(bytes),
        "membership.members_loaded.v1" => again::<membership::MembersLoaded>(bytes),
        "catalogue.articles_registered.v1" => again::<catalogue::ArticlesRegistered>(bytes),
        "catalogue.prices_set.v1" => again::<catalogue::PricesSet>(bytes),
        "tendering.agreement_entered.v1" => again::<tendering::AgreementEntered>(bytes),
        "tendering.lot_consumption_entered.v1" => again::<tendering::LotConsumptionEntered>(bytes),
        "tendering.beneficiaries_added.v1" => again::<tendering::BeneficiariesAdded>(bytes),
        "tendering.ceiling_reserved.v1" => again::<tendering::CeilingReserved>(bytes),
        "tendering.reservation_confirmed.v1" => again::<tendering::ReservationConfirmed>(bytes),
        "tendering.reservation_released.v1" => again::<tendering::ReservationReleased>(bytes),
        "tendering.consultation_created.v1" => again::<tendering::ConsultationCreated>(bytes),
        "tendering.consultation_revised.v1" => again::<tendering::ConsultationRevised>(bytes),
        "tendering.consultation_published.v1" => again::<tendering::ConsultationPublished>(bytes),
        "tendering.consultation_cancelled.v1" => again::<tendering::ConsultationCancelled>(bytes),
        "tendering.tender_received.v1" => again::<tendering::TenderReceived>(bytes),
        "tendering.tenders_opened.v1" => again::<tendering::TendersOpened>(bytes),
        "tendering.tenders_scored.v1" => again::<tendering::TendersScored>(bytes),
        "tendering.lots_awarded.v1" => again::<tendering::LotsAwarded>(bytes),
        "tendering.consultation_signed.v1" => again::<tendering::ConsultationSigned>(bytes),
        "tendering.prices_awarded.v1" => again::<tendering::PricesAwarded>(bytes),
        "demand.round_created.v1" | "demand.round_closed.v1" | "demand.round_ordered.v1" => {
            again::<demand::RoundChanged>(bytes)
        }
        "demand.needs_stated.v1" => again::<demand::NeedsStated>(bytes),
        "demand.need_changed.v1" | "demand.need_withdrawn.v1" => again::<demand::NeedChanged>(bytes),
        "demand.opening_order_entered.v1" => again::<demand::OpeningOrderEntered>(bytes),
        "demand.member_codes_loaded.v1" => again::<demand::MemberCodesLoaded>(bytes),
        "demand.consumption_loaded.v1" => again::<demand::ConsumptionLoaded>(bytes),
        "demand.reference_prices_set.v1" => again::<demand::ReferencePricesSet>(bytes),
        "demand.round_consolidated.v1" => again::<demand::RoundConsolidated>(bytes),
        "demand.plan_proposed.v1" | "demand.plan_approved.v1" | "demand.plan_placed.v1" => {
            again::<demand::PlanChanged>(bytes)
        }
        "demand.commitment_recorded.v1" => again::<demand::CommitmentRecorded>(bytes),
        "demand.order_placed.v1" | "demand.order_refused.v1" => again::<demand::OrderPlaced>(bytes),
        "demand.order_sent.v1" | "demand.order_not_sent.v1" | "demand.order_resend_asked.v1" => {
            again::<demand::OrderDispatched>(bytes)
        }
        "demand.order_answered.v1" => again::<demand::OrderAnswered>(bytes),
        "demand.units_cancelled.v1" => again::<demand::UnitsCancelled>(bytes),
        "demand.units_delivered.v1" => again::<demand::UnitsDelivered>(bytes),
        "demand.member_change_confirmed.v1" => again::<demand::MemberChangeConfirmed>(bytes),
        "logistics.break_bulk_set.v1" => again::<logistics::BreakBulkSet>(bytes),
        "logistics.shipment_announced.v1" => again::<logistics::ShipmentAnnounced>(bytes),
        "logistics.units_cancelled.v1" => again::<logistics::UnitsCancelled>(bytes),
        "logistics.shipment_received.v1" => again::<logistics::ShipmentReceived>(bytes),
        "logistics.delivery_prepared.v1" | "logistics.delivery_dispatched.v1" | "logistics.delivery_proven.v1" => {
            again::<logistics::DeliveryChanged>(bytes)
        }
        "logistics.delivery_certified.v1" => again::<logistics::DeliveryCertified>(bytes),
        other => panic!("no message known for {other}: add it here and a sample to tests/samples/events.json"),
    }
}

/// Kind → hexadecimal payload, as released.
fn samples() -> BTreeMap<String, String> {
    serde_json::from_str(&std::fs::read_to_string(root().join("tests/samples/events.json")).unwrap()).unwrap()
}

#[test]
fn stored_samples_of_every_released_kind_decode_without_loss() {
    let samples = samples();
    assert!(samples.len() >= 25, "only {} samples", samples.len());
    for (kind, sample) in samples {
        let bytes = hex::decode(&sample).unwrap();
        assert!(!bytes.is_empty(), "{kind}: an empty sample shows nothing");
        assert_eq!(read_and_write(&kind, &bytes).unwrap(), bytes, "{kind}: a field was lost or renumbered");
    }
}

#[tokio::test]
async fn every_kind_that_a_season_writes_has_a_sample() {
    let mut superuser = shared().await.stack.superuser().await;
    let samples = samples();
    for service in ["membership", "catalogue", "tendering", "demand", "logistics"] {
        let sql =
            format!("SELECT DISTINCT ON (kind) kind, payload FROM {service}.event ORDER BY kind, length(payload) DESC");
        let events: Vec<(String, Vec<u8>)> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&mut superuser).await.unwrap();
        assert!(!events.is_empty(), "{service} wrote nothing");
        for (kind, payload) in events {
            assert!(samples.contains_key(&kind), "{kind}: add a sample to tests/samples/events.json");
            assert_eq!(read_and_write(&kind, &payload).unwrap(), payload, "{kind} loses something");
        }
    }
}
