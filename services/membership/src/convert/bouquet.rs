//! Services and subscriptions.

use chrono::NaiveDate;
use kit::{
    Failure,
    id::{PartyId, PractitionerId, ServiceId, SubscriptionId},
};
use proto::membership::v1 as pb;

use super::{
    Fields, PractitionerRef, check_repeats, fields::date_to_text, page_from_proto,
    practitioner::practitioner_reference, site::party_reference,
};
use crate::domain::{Key, Page, PartyRef, PriceUnit, Service, ServiceTerms, Subscription};

/// Services registered in one call at most.
const MOST_SERVICES: usize = 200;
/// Highest price in cents.
const HIGHEST_PRICE: i64 = 100_000_000;

/// A service to register, whose provider is still a reference.
#[derive(Debug)]
pub struct ServiceInput {
    /// The service, with a new id for the case that its key is new; its provider is a stand-in.
    pub service: Service,
    /// Who provides it.
    pub provider: PartyRef,
}

/// Reads the services of a request.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn services_from_proto(services: &[pb::Service]) -> Result<Vec<ServiceInput>, Failure> {
    let mut fields = Fields::new();
    let mut read = Some(Vec::new());
    if fields.count("services", services.len(), MOST_SERVICES) {
        for (index, service) in services.iter().enumerate() {
            let service = service_from_proto(&mut fields, &format!("services[{index}]"), service);
            read = read.zip(service).map(|(mut read, service)| {
                read.push(service);
                read
            });
        }
        check_repeats(&mut fields, "services", "key", services.iter().map(|service| Some(&service.key)));
    }
    fields.finish(read)
}

fn service_from_proto(fields: &mut Fields, path: &str, service: &pb::Service) -> Option<ServiceInput> {
    let at = |field: &str| format!("{path}.{field}");
    if !service.id.is_empty() {
        fields.fault(&at("id"), "must be empty: services are known by their key");
    }
    let key = fields.parsed(&at("key"), &service.key, Key::parse);
    let name = fields.text(&at("name"), &service.name, 1, 200);
    let provider = party_reference(fields, &at("provider_id"), &service.provider_id);
    let price_unit = unit_from_proto(service.price_unit());
    if price_unit.is_none() {
        fields.fault(&at("price_unit"), "must be MONTH, ACT or USER_MONTH");
    }
    if !(0..=HIGHEST_PRICE).contains(&service.price_cents) {
        fields.fault(&at("price_cents"), "must be 0 to 100,000,000 cents");
    }
    let months = |fields: &mut Fields, field: &str, months: i32, most: u32| {
        let read = u32::try_from(months).ok().filter(|months| *months <= most);
        if read.is_none() {
            fields.fault(&at(field), &format!("must be 0 to {most} months"));
        }
        read
    };
    let term_months = months(fields, "term_months", service.term_months, 120);
    let notice_months = months(fields, "notice_months", service.notice_months, 24);
    let offered_from = fields.date(&at("offered_from"), &service.offered_from);
    let offered_to = fields.date_if_any(&at("offered_to"), &service.offered_to);
    if offered_from.zip(offered_to).is_some_and(|(from, to)| to < from) {
        fields.fault(&at("offered_to"), "must not be before the first day");
    }
    let service = Service {
        id: ServiceId::new(),
        key: key?,
        name,
        provider_id: PartyId::from_uuid(uuid::Uuid::nil()),
        provider_name: String::new(),
        terms: ServiceTerms {
            price_unit: price_unit?,
            price_cents: service.price_cents,
            term_months: term_months?,
            notice_months: notice_months?,
        },
        offered_from: offered_from?,
        offered_to,
        subscriber_count: 0,
    };
    Some(ServiceInput { service, provider: provider? })
}

/// A service as people read it.
#[must_use]
pub fn service_to_proto(service: &Service) -> pb::Service {
    pb::Service {
        id: service.id.to_string(),
        key: service.key.to_string(),
        name: service.name.clone(),
        provider_id: service.provider_id.to_string(),
        provider_name: service.provider_name.clone(),
        price_unit: unit_to_proto(service.terms.price_unit).into(),
        price_cents: service.terms.price_cents,
        term_months: i32::try_from(service.terms.term_months).unwrap_or(i32::MAX),
        notice_months: i32::try_from(service.terms.notice_months).unwrap_or(i32::MAX),
        offered_from: service.offered_from.to_string(),
        offered_to: date_to_text(service.offered_to),
        subscriber_count: service.subscriber_count,
    }
}

/// Reads which services are asked for: on which day, which page.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn list_services_from_proto(
    request: &pb::ListServicesRequest,
    is_service: bool,
) -> Result<(Option<NaiveDate>, Page<ServiceId>), Failure> {
    let mut fields = Fields::new();
    let on = fields.date_if_any("on", &request.on);
    let page = page_from_proto(&mut fields, request.page.as_ref(), is_service);
    fields.finish(Some((on, page)))
}

/// Names a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceRef {
    /// `svc_…`
    Id(ServiceId),
    /// `key:…`
    Key(Key),
}

/// A subscription asked for.
#[derive(Debug)]
pub struct SubscribeInput {
    /// Who.
    pub practitioner: PractitionerRef,
    /// To what.
    pub service: ServiceRef,
    /// From when.
    pub starts_on: NaiveDate,
}

/// Reads a subscription asked for.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn subscribe_from_proto(request: &pb::SubscribeRequest) -> Result<SubscribeInput, Failure> {
    let mut fields = Fields::new();
    let practitioner = practitioner_reference(&mut fields, "practitioner_id", &request.practitioner_id);
    let service = fields.parsed("service_id", &request.service_id, |text| match text.strip_prefix("key:") {
        Some(key) => Key::parse(key).map(ServiceRef::Key),
        None => text.parse().map(ServiceRef::Id).map_err(|_| "must be a service's id (svc_…) or key:… with its key"),
    });
    let starts_on = fields.date("starts_on", &request.starts_on);
    let read = practitioner.zip(service).zip(starts_on).map(|((practitioner, service), starts_on)| SubscribeInput {
        practitioner,
        service,
        starts_on,
    });
    fields.finish(read)
}

/// Notice of a subscription.
#[derive(Debug)]
pub struct TerminateInput {
    /// Which.
    pub subscription: SubscriptionId,
    /// When it was given; none: today.
    pub given_on: Option<NaiveDate>,
}

/// Reads notice of a subscription.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn terminate_from_proto(request: &pb::TerminateRequest) -> Result<TerminateInput, Failure> {
    let mut fields = Fields::new();
    let subscription = fields.parsed("subscription_id", &request.subscription_id, |text| {
        text.parse().map_err(|_| "must be a subscription's id (sbs_…)")
    });
    let given_on = fields.date_if_any("given_on", &request.given_on);
    fields.finish(subscription.map(|subscription| TerminateInput { subscription, given_on }))
}

/// Which subscriptions are asked for.
#[derive(Debug)]
pub struct ListSubscriptionsInput {
    /// Of whom.
    pub practitioner: Option<PractitionerId>,
    /// To what.
    pub service: Option<ServiceId>,
    /// Running on which day.
    pub on: Option<NaiveDate>,
    /// Which page.
    pub page: Page<SubscriptionId>,
}

/// Reads which subscriptions are asked for.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn list_subscriptions_from_proto(
    request: &pb::ListSubscriptionsRequest,
    is_service: bool,
) -> Result<ListSubscriptionsInput, Failure> {
    let mut fields = Fields::new();
    let practitioner = fields.parsed_if_any("practitioner_id", &request.practitioner_id, |text| {
        text.parse().map_err(|_| "must be a practitioner's id (pra_…)")
    });
    let service = fields.parsed_if_any("service_id", &request.service_id, |text| {
        text.parse().map_err(|_| "must be a service's id (svc_…)")
    });
    let on = fields.date_if_any("on", &request.on);
    let page = page_from_proto(&mut fields, request.page.as_ref(), is_service);
    fields.finish(Some(ListSubscriptionsInput { practitioner, service, on, page }))
}

/// A subscription as people read it.
#[must_use]
pub fn subscription_to_proto(subscription: &Subscription) -> pb::Subscription {
    pb::Subscription {
        id: subscription.id.to_string(),
        service_id: subscription.service_id.to_string(),
        service_key: subscription.service_key.clone(),
        service_name: subscription.service_name.clone(),
        practitioner_id: subscription.practitioner_id.to_string(),
        practitioner_name: subscription.practitioner_name.clone(),
        starts_on: subscription.starts_on.to_string(),
        term_ends_on: date_to_text(subscription.term_ends_on),
        ends_on: date_to_text(subscription.ending.map(|(_, ends_on)| ends_on)),
        notice_given_on: date_to_text(subscription.ending.map(|(given_on, _)| given_on)),
        price_unit: unit_to_proto(subscription.price_unit).into(),
        price_cents: subscription.price_cents,
        notice_months: i32::try_from(subscription.notice_months).unwrap_or(i32::MAX),
    }
}

const fn unit_from_proto(unit: pb::PriceUnit) -> Option<PriceUnit> {
    match unit {
        pb::PriceUnit::Unspecified => None,
        pb::PriceUnit::Month => Some(PriceUnit::Month),
        pb::PriceUnit::Act => Some(PriceUnit::Act),
        pb::PriceUnit::UserMonth => Some(PriceUnit::UserMonth),
    }
}

const fn unit_to_proto(unit: PriceUnit) -> pb::PriceUnit {
    match unit {
        PriceUnit::Month => pb::PriceUnit::Month,
        PriceUnit::Act => pb::PriceUnit::Act,
        PriceUnit::UserMonth => pb::PriceUnit::UserMonth,
    }
}
