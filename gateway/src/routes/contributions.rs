//! What members contribute: rules, grants, what is due, invoices and their files.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use kit::{Failure, identity::Caller};
use proto::{demand::v1 as demand_pb, membership::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Id, governance::OnDay};
use crate::{
    App,
    body::Body,
    contribution_file::{self, Form, Row},
    dto::{
        all,
        contributions::{
            ContributionInvoice, ContributionInvoicePage, ContributionRule, ContributionRuleInput, GrantStep,
            GrantStepInput, MemberContribution,
        },
    },
    idempotency::RequestId,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, contributions, figures, membership, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_contribution_rules, set_contribution_rules))
        .routes(routes!(list_grants, set_grants))
        .routes(routes!(compute_contributions))
        .routes(routes!(download_contributions))
        .routes(routes!(list_contribution_invoices, issue_contribution_invoices))
        .routes(routes!(get_contribution_invoice))
        .routes(routes!(download_contribution_invoice))
}

/// Contribution rules.
#[derive(Serialize, ToSchema)]
pub struct ContributionRules {
    /// Of a list by key, of a change in the order sent.
    pub rules: Vec<ContributionRule>,
}

/// By what members contribute on a day.
#[utoipa::path(get, path = "/v1/groups/{group_id}/contribution-rules", tag = "contributions", params(OnDay), responses((status = 200, body = ContributionRules)))]
async fn list_contribution_rules(
    State(app): State<App>,
    session: Session,
    Params(OnDay { on }): Params<OnDay>,
) -> Result<Json<ContributionRules>, Problem> {
    let request = pb::ListContributionRulesRequest { on: on.unwrap_or_default() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).list_contribution_rules(request).await
    })
    .await?;
    Ok(Json(ContributionRules { rules: all(answer.rules) }))
}

/// Contribution rules to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetContributionRules {
    /// 1 to 100; one with the same key and first day is replaced.
    pub rules: Vec<ContributionRuleInput>,
}

/// Sets contribution rules: a flat fee, a share of spend, by order, by tiers, a shared budget; with caps. Invoices issued stay.
#[utoipa::path(post, path = "/v1/groups/{group_id}/contribution-rules", tag = "contributions", request_body = SetContributionRules, responses((status = 200, body = ContributionRules)))]
async fn set_contribution_rules(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SetContributionRules>,
) -> Result<Json<ContributionRules>, Problem> {
    let request = pb::SetContributionRulesRequest { request_id, rules: all(body.rules) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).set_contribution_rules(request).await
    })
    .await?;
    Ok(Json(ContributionRules { rules: all(answer.rules) }))
}

/// Grants.
#[derive(Serialize, ToSchema)]
pub struct Grants {
    /// Steps, of a list by key and first day, of a change in the order sent.
    pub steps: Vec<GrantStep>,
}

/// Grants that pay part of contributions, step by step.
#[utoipa::path(get, path = "/v1/groups/{group_id}/grants", tag = "contributions", responses((status = 200, body = Grants)))]
async fn list_grants(State(app): State<App>, session: Session) -> Result<Json<Grants>, Problem> {
    let answer =
        call(&app.peers.membership, &session.caller, pb::ListGrantsRequest {}, |channel, request| async move {
            contributions(channel).list_grants(request).await
        })
        .await?;
    Ok(Json(Grants { steps: all(answer.steps) }))
}

/// Steps of grants to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetGrants {
    /// 1 to 100; one with the same key and first day is replaced.
    pub steps: Vec<GrantStepInput>,
}

/// Sets the steps of grants, down to zero where they end.
#[utoipa::path(post, path = "/v1/groups/{group_id}/grants", tag = "contributions", request_body = SetGrants, responses((status = 200, body = Grants)))]
async fn set_grants(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SetGrants>,
) -> Result<Json<Grants>, Problem> {
    let request = pb::SetGrantsRequest { request_id, steps: all(body.steps) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).set_grants(request).await
    })
    .await?;
    Ok(Json(Grants { steps: all(answer.steps) }))
}

/// From which month to which.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Months {
    /// First month, `2026-01`; January of this year unless given.
    pub from_month: Option<String>,
    /// Last month, `2026-03`; this month unless given.
    pub to_month: Option<String>,
}

impl Months {
    /// Both months, those left out by business time.
    pub(super) async fn settled(self, app: &App, caller: &Caller) -> Result<(String, String), Failure> {
        if let (Some(from), Some(to)) = (&self.from_month, &self.to_month) {
            return Ok((from.clone(), to.clone()));
        }
        let clock = call(&app.peers.membership, caller, pb::GetClockRequest {}, |channel, request| async move {
            membership(channel).get_clock(request).await
        })
        .await?;
        let month: String = clock.now.chars().take(7).collect();
        let january = format!("{}-01", clock.now.chars().take(4).collect::<String>());
        Ok((self.from_month.unwrap_or(january), self.to_month.unwrap_or(month)))
    }
}

/// Demand's figures of all members from January of the first year on. Asked by the gateway itself: membership narrows what a member sees of
/// what is computed from them. Of months that are none it asks nothing: membership tells what is wrong with them.
pub(super) async fn month_figures(
    app: &App,
    caller: &Caller,
    from: &str,
    to: &str,
) -> Result<Vec<pb::MonthFigures>, Failure> {
    let is_month = |text: &str| chrono::NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").is_ok();
    if !(is_month(from) && is_month(to) && from.len() == 7 && to.len() == 7 && from <= to) {
        return Ok(Vec::new());
    }
    let january = format!("{}-01", from.chars().take(4).collect::<String>());
    let itself = Caller::service("gateway", caller.scope);
    let request = demand_pb::ListMonthFiguresRequest { from_month: january, to_month: to.to_owned() };
    let answer = call(&app.peers.demand, &itself, request, |channel, request| async move {
        figures(channel).list_month_figures(request).await
    })
    .await?;
    let figures = |row: demand_pb::MemberMonth| pb::MonthFigures {
        party_id: row.party_id,
        month: row.month,
        spend_cents: row.spend_cents,
        orders: row.orders,
        committed_saving_cents: row.committed_saving_cents,
        realised_saving_cents: row.realised_saving_cents,
    };
    Ok(answer.months.into_iter().map(figures).collect())
}

/// What members owe for a period.
#[derive(Serialize, ToSchema)]
pub struct Contributions {
    /// By name; members that owe nothing are left out.
    pub members: Vec<MemberContribution>,
    /// Sum over those shown, cents EUR without VAT.
    #[schema(example = 1250000)]
    pub total_cents: i64,
    /// Granted for the period, cents EUR; 0 for who sees one member.
    #[schema(example = 500000)]
    pub granted_cents: i64,
    /// Of that, more than members owed, cents EUR.
    #[schema(example = 0)]
    pub grant_unused_cents: i64,
}

async fn computed(app: &App, session: &Session, months: Months) -> Result<pb::ComputeContributionsResponse, Failure> {
    let (from_month, to_month) = months.settled(app, &session.caller).await?;
    let figures = month_figures(app, &session.caller, &from_month, &to_month).await?;
    let request = pb::ComputeContributionsRequest { from_month, to_month, figures };
    call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).compute_contributions(request).await
    })
    .await
}

/// What members owe for months of one year, explained line by line. Changes nothing.
#[utoipa::path(get, path = "/v1/groups/{group_id}/contributions", tag = "contributions", params(Months), responses((status = 200, body = Contributions)))]
async fn compute_contributions(
    State(app): State<App>,
    session: Session,
    Params(months): Params<Months>,
) -> Result<Json<Contributions>, Problem> {
    let answer = computed(&app, &session, months).await?;
    Ok(Json(Contributions {
        members: all(answer.members),
        total_cents: answer.total_cents,
        granted_cents: answer.granted_cents,
        grant_unused_cents: answer.grant_unused_cents,
    }))
}

/// From which month to which, and in which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MonthsFile {
    /// First month, `2026-01`; January of this year unless given.
    pub from_month: Option<String>,
    /// Last month, `2026-03`; this month unless given.
    pub to_month: Option<String>,
    /// `csv` or `xlsx`; `csv` unless given.
    #[serde(default)]
    #[param(inline, default = "csv")]
    pub format: Form,
}

/// What members owe for months of one year, as a file.
#[utoipa::path(get, path = "/v1/groups/{group_id}/contributions/file", tag = "contributions", params(MonthsFile), responses((status = 200, content(
    (String = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn download_contributions(
    State(app): State<App>,
    session: Session,
    Params(MonthsFile { from_month, to_month, format }): Params<MonthsFile>,
) -> Result<Response, Problem> {
    let months = Months { from_month, to_month };
    let (from, to) = months.settled(&app, &session.caller).await?;
    let months = Months { from_month: Some(from.clone()), to_month: Some(to.clone()) };
    let answer = computed(&app, &session, months).await?;
    let mut rows = Vec::new();
    for member in answer.members {
        for line in member.lines {
            rows.push(Row::new("", &member.name, (&from, &to), "", line));
        }
    }
    file(&format!("contributions-{from}-{to}"), rows, format)
}

fn file(name: &str, rows: Vec<Row>, format: Form) -> Result<Response, Problem> {
    let content = contribution_file::write(&rows, format)?;
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{}\"", format.extension())),
    ];
    Ok((headers, content).into_response())
}

/// Invoices of contributions, last issued first, without lines.
#[utoipa::path(get, path = "/v1/groups/{group_id}/contribution-invoices", tag = "contributions", params(PageParams), responses((status = 200, body = ContributionInvoicePage)))]
async fn list_contribution_invoices(
    State(app): State<App>,
    session: Session,
    paging: Paging,
) -> Result<Json<ContributionInvoicePage>, Problem> {
    let request = pb::ListInvoicesRequest { page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).list_invoices(request).await
    })
    .await?;
    Ok(Json(ContributionInvoicePage {
        invoices: all(answer.invoices),
        next_page_token: paging.next(&answer.next_after)?,
    }))
}

/// The months to invoice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueInvoices {
    /// First month, `2026-01`.
    #[schema(example = "2026-01")]
    pub from_month: String,
    /// Last month, of the same year; over.
    #[schema(example = "2026-03")]
    pub to_month: String,
}

/// Invoices issued.
#[derive(Serialize, ToSchema)]
pub struct ContributionInvoices {
    /// With their lines, by name of the member.
    pub invoices: Vec<ContributionInvoice>,
}

/// Issues an invoice to each member that owes something for months that are over. Numbered by group and year, frozen from then on.
#[utoipa::path(post, path = "/v1/groups/{group_id}/contribution-invoices", tag = "contributions", request_body = IssueInvoices, responses((status = 201, body = ContributionInvoices)))]
async fn issue_contribution_invoices(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(IssueInvoices { from_month, to_month }): Body<IssueInvoices>,
) -> Result<(StatusCode, Json<ContributionInvoices>), Problem> {
    let figures = month_figures(&app, &session.caller, &from_month, &to_month).await?;
    let request = pb::IssueInvoicesRequest { request_id, from_month, to_month, figures };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).issue_invoices(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(ContributionInvoices { invoices: all(answer.invoices) })))
}

async fn invoice(app: &App, session: &Session, invoice_id: String) -> Result<pb::ContributionInvoice, Failure> {
    let request = pb::GetInvoiceRequest { invoice_id };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).get_invoice(request).await
    })
    .await?;
    promised(answer.invoice, "invoice")
}

/// One invoice of contributions with its lines, each explained.
#[utoipa::path(get, path = "/v1/groups/{group_id}/contribution-invoices/{invoice_id}", tag = "contributions", responses((status = 200, body = ContributionInvoice)))]
async fn get_contribution_invoice(
    State(app): State<App>,
    session: Session,
    Id(invoice_id): Id,
) -> Result<Json<ContributionInvoice>, Problem> {
    Ok(Json(invoice(&app, &session, invoice_id).await?.into()))
}

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InvoiceFile {
    /// `csv` or `xlsx`; `csv` unless given.
    #[serde(default)]
    #[param(inline, default = "csv")]
    pub format: Form,
}

/// One invoice of contributions as a file.
#[utoipa::path(get, path = "/v1/groups/{group_id}/contribution-invoices/{invoice_id}/file", tag = "contributions", params(InvoiceFile), responses((status = 200, content(
    (String = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn download_contribution_invoice(
    State(app): State<App>,
    session: Session,
    Id(invoice_id): Id,
    Params(InvoiceFile { format }): Params<InvoiceFile>,
) -> Result<Response, Problem> {
    let invoice = invoice(&app, &session, invoice_id).await?;
    let period = (invoice.from_month.as_str(), invoice.to_month.as_str());
    let row = |line| Row::new(&invoice.number, &invoice.party_name, period, &invoice.issued_on, line);
    let rows = invoice.lines.iter().cloned().map(row).collect();
    file(&invoice.number, rows, format)
}
