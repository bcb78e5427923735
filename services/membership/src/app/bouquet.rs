//! Services of a group, and subscriptions to them.

use chrono::NaiveDate;
use kit::{Caller, Failure, FieldFault, Role, command::Claim, id::SubscriptionId};
use proto::{
    common::v1::Reason,
    membership::v1::{
        ListServicesRequest, ListServicesResponse, ListSubscriptionsRequest, ListSubscriptionsResponse,
        RegisterServicesRequest, RegisterServicesResponse, ServicesRegistered, SubscribeRequest, SubscribeResponse,
        Subscribed, SubscriptionTerminated, TerminateRequest, TerminateResponse,
    },
};

use super::{App, is_service, only_own, practitioners, registry::refuse};
use crate::{
    convert::{
        PractitionerRef, ServiceRef, list_services_from_proto, list_subscriptions_from_proto, service_to_proto,
        services_from_proto, subscribe_from_proto, subscription_to_proto, terminate_from_proto,
    },
    domain::{Ending, MembershipError, Practitioner, Service, Subscription, last_day, term_end},
    store::{self, bouquet::Wanted},
};

/// Who subscribes for a practitioner and gives notice: the group's officer, or who acts for a party where it works.
const SUBSCRIBERS: [Role; 2] = [Role::PurchasingOfficer, Role::MemberRequester];

impl App {
    /// Creates or updates services of the session's group by key.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `NOT_FOUND` (the group); `INVALID_INPUT` with the faults of all rows.
    pub async fn register_services(
        &self,
        caller: &Caller,
        request: RegisterServicesRequest,
    ) -> Result<RegisterServicesResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let inputs = services_from_proto(&request.services)?;
        let method = "centrale.membership.v1.BouquetService/RegisterServices";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::group::lock(command.conn(), group).await?.ok_or_else(|| Failure::not_found("group", group))?;
        let today = command.today().await?;
        let parties = store::party::find_by_refs(command.conn(), inputs.iter().map(|input| &input.provider)).await?;
        let keys: Vec<&str> = inputs.iter().map(|input| input.service.key.as_str()).collect();
        let present = store::bouquet::services_by_key(command.conn(), group, today, &keys).await?;
        let mut faults = Vec::new();
        let mut services = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            let mut service = input.service.clone();
            match parties.get(&input.provider) {
                Some(party) => {
                    service.provider_id = party.id;
                    service.provider_name.clone_from(&party.name);
                }
                None => {
                    let detail = format!("{} is no party", input.provider);
                    faults.push(FieldFault::new(format!("services[{index}].provider_id"), detail));
                }
            }
            if let Some(known) = present.iter().find(|known| known.key == service.key) {
                service.id = known.id;
                service.subscriber_count = known.subscriber_count;
            }
            services.push(service);
        }
        refuse(faults)?;
        store::bouquet::save_services(command.conn(), group, &services).await?;
        let event = ServicesRegistered { service_ids: services.iter().map(|service| service.id.to_string()).collect() };
        command.append(group.uuid(), "membership.services_registered.v1", &event).await?;
        command.finish(RegisterServicesResponse { services: services.iter().map(service_to_proto).collect() }).await
    }

    /// Services of the session's group.
    ///
    /// # Errors
    /// `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_services(
        &self,
        caller: &Caller,
        request: ListServicesRequest,
    ) -> Result<ListServicesResponse, Failure> {
        let group = caller.group()?;
        let (on, page) = list_services_from_proto(&request, is_service(caller))?;
        let mut tx = self.db.begin(caller).await?;
        let today = tx.today().await?;
        let mut services = store::bouquet::list_services(tx.conn(), group, today, on, page).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut services, |service| service.id.to_string());
        Ok(ListServicesResponse { services: services.iter().map(service_to_proto).collect(), next_after })
    }

    /// Subscribes a practitioner to a service, on the terms that it has today.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`, `SERVICE_NOT_OFFERED`, `PRACTITIONER_NOT_IN_GROUP`,
    /// `SUBSCRIPTION_OVERLAPS`.
    pub async fn subscribe(&self, caller: &Caller, request: SubscribeRequest) -> Result<SubscribeResponse, Failure> {
        caller.require(&SUBSCRIBERS)?;
        let group = caller.group()?;
        let input = subscribe_from_proto(&request)?;
        let method = "centrale.membership.v1.BouquetService/Subscribe";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let today = command.today().await?;
        let practitioner = practitioners::locked(command.conn(), caller, today, &input.practitioner).await?;
        let (id, key) = match &input.service {
            ServiceRef::Id(id) => (Some(*id), None),
            ServiceRef::Key(key) => (None, Some(key.as_str())),
        };
        let service = store::bouquet::find_service(command.conn(), group, today, id, key)
            .await?
            .ok_or_else(|| Failure::not_found("service", &request.service_id))?;
        may_subscribe(&practitioner, &service, input.starts_on)?;
        let running =
            store::bouquet::find_running(command.conn(), group, practitioner.id, service.id, input.starts_on).await?;
        if let Some(running) = running {
            return Err(MembershipError::SubscriptionOverlaps {
                practitioner: practitioner.id.to_string(),
                service: service.key.to_string(),
                from: running.starts_on.to_string(),
                to: running.ending.map(|(_, ends_on)| ends_on.to_string()).unwrap_or_default(),
            }
            .into());
        }
        let subscription = agreed(&practitioner, &service, input.starts_on);
        store::bouquet::insert_subscription(command.conn(), group, &subscription).await?;
        let event = Subscribed {
            subscription_id: subscription.id.to_string(),
            service_id: service.id.to_string(),
            practitioner_id: practitioner.id.to_string(),
            starts_on: subscription.starts_on.to_string(),
            price_cents: subscription.price_cents,
        };
        command.append(subscription.id.uuid(), "membership.subscribed.v1", &event).await?;
        command.finish(SubscribeResponse { subscription: Some(subscription_to_proto(&subscription)) }).await
    }

    /// Gives notice of a subscription, or only says when it would end.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`, `NOTICE_GIVEN_ALREADY`.
    pub async fn terminate(&self, caller: &Caller, request: TerminateRequest) -> Result<TerminateResponse, Failure> {
        caller.require(&SUBSCRIBERS)?;
        let group = caller.group()?;
        let input = terminate_from_proto(&request)?;
        let method = "centrale.membership.v1.BouquetService/Terminate";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let secret = || Failure::not_found("subscription", input.subscription);
        let mut subscription =
            store::bouquet::lock_subscription(command.conn(), group, input.subscription).await?.ok_or_else(secret)?;
        let today = command.today().await?;
        let whose = PractitionerRef::Id(subscription.practitioner_id);
        practitioners::locked(command.conn(), caller, today, &whose)
            .await
            .map_err(|failure| if failure.reason() == "NOT_FOUND" { secret() } else { failure })?;
        let given_on = input.given_on.unwrap_or(today);
        if given_on > today {
            return Err(Failure::invalid_field("given_on", "must not be after today"));
        }
        if let Some((given_on, ends_on)) = subscription.ending {
            return Err(MembershipError::NoticeGivenAlready {
                subscription: subscription.id.to_string(),
                given_on: given_on.to_string(),
                ends_on: ends_on.to_string(),
            }
            .into());
        }
        let ending = last_day(&subscription, given_on)
            .ok_or_else(|| Failure::invalid_field("given_on", "leads past the calendar"))?;
        subscription.ending = Some((given_on, ending.on));
        let reason = Some(reason(&subscription, &ending, given_on));
        let reply = TerminateResponse { subscription: Some(subscription_to_proto(&subscription)), reason };
        if request.dry_run {
            command.abandon().await?;
            return Ok(reply);
        }
        store::bouquet::end_subscription(command.conn(), group, subscription.id, given_on, ending.on).await?;
        let event = SubscriptionTerminated {
            subscription_id: subscription.id.to_string(),
            notice_given_on: given_on.to_string(),
            ends_on: ending.on.to_string(),
        };
        command.append(subscription.id.uuid(), "membership.subscription_terminated.v1", &event).await?;
        command.finish(reply).await
    }

    /// Subscriptions of the session's group. Who acts for a party sees those of practitioners attached to it today.
    ///
    /// # Errors
    /// `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_subscriptions(
        &self,
        caller: &Caller,
        request: ListSubscriptionsRequest,
    ) -> Result<ListSubscriptionsResponse, Failure> {
        let group = caller.group()?;
        let only = only_own(caller)?;
        let input = list_subscriptions_from_proto(&request, is_service(caller))?;
        let mut tx = self.db.begin(caller).await?;
        let today = tx.today().await?;
        let wanted = Wanted {
            practitioner: input.practitioner,
            service: input.service,
            on: input.on,
            only,
            today,
            page: input.page,
        };
        let mut subscriptions = store::bouquet::list_subscriptions(tx.conn(), group, wanted).await?;
        tx.rollback().await?;
        let next_after = input.page.cut(&mut subscriptions, |subscription| subscription.id.to_string());
        Ok(ListSubscriptionsResponse {
            subscriptions: subscriptions.iter().map(subscription_to_proto).collect(),
            next_after,
        })
    }
}

/// Refuses a day on which the service is not offered, or the practitioner not in the group.
fn may_subscribe(practitioner: &Practitioner, service: &Service, starts_on: NaiveDate) -> Result<(), Failure> {
    let text = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    if !service.is_offered_on(starts_on) {
        return Err(MembershipError::ServiceNotOffered {
            service: service.key.to_string(),
            from: service.offered_from.to_string(),
            to: text(service.offered_to),
            on: starts_on.to_string(),
        }
        .into());
    }
    let period = practitioner.period;
    if starts_on < period.from() || period.to().is_some_and(|to| to < starts_on) {
        return Err(MembershipError::PractitionerNotInGroup {
            practitioner: practitioner.id.to_string(),
            from: period.from().to_string(),
            to: text(period.to()),
            on: starts_on.to_string(),
        }
        .into());
    }
    Ok(())
}

fn agreed(practitioner: &Practitioner, service: &Service, starts_on: NaiveDate) -> Subscription {
    Subscription {
        id: SubscriptionId::new(),
        service_id: service.id,
        service_key: service.key.to_string(),
        service_name: service.name.clone(),
        practitioner_id: practitioner.id,
        practitioner_name: practitioner.name.clone(),
        starts_on,
        term_ends_on: term_end(starts_on, service.terms.term_months),
        ending: None,
        price_unit: service.terms.price_unit,
        price_cents: service.terms.price_cents,
        notice_months: service.terms.notice_months,
    }
}

fn reason(subscription: &Subscription, ending: &Ending, given_on: NaiveDate) -> Reason {
    let facts = [
        ("starts_on", subscription.starts_on.to_string()),
        ("term_ends_on", subscription.term_ends_on.map(|day| day.to_string()).unwrap_or_default()),
        ("notice_months", subscription.notice_months.to_string()),
        ("given_on", given_on.to_string()),
        ("ends_on", ending.on.to_string()),
    ];
    Reason {
        rule: ending.rule.name().to_owned(),
        source: String::new(),
        text: ending.text.clone(),
        facts: facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}
