//! Loading what exists on the first day. While the client sends, rows are looked up and judged chunk by chunk and no transaction is
//! open; then one transaction claims the request and takes them over, all or none. A dry run ends where it would begin to write.

mod load;
mod lookup;
mod orders;
pub(crate) mod own_codes;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use chrono::NaiveDate;
use kit::{
    Caller, Failure, Role,
    command::parse_request_id,
    id::{self, ConsumptionId, PartyId},
};
use proto::{
    common::v1::RowError,
    demand::v1::{
        Consumption, ListConsumptionRequest, ListConsumptionResponse, ListMemberCodesRequest, ListMemberCodesResponse,
        LoadOpeningRequest, LoadOpeningResponse, MemberCode, OpeningHeader, OpeningKind, OpeningRows, UnmatchedRow,
        load_opening_request::Part,
    },
};
use tokio_stream::Stream;
use tonic::Status;
use uuid::Uuid;

use self::{lookup::Lookup, orders::OrderLookup};
use super::{App, import::part, plans::contradict, references::limited_to};
use crate::{
    convert::{self, Fields, row_error},
    domain::{
        error::DemandError,
        need::RowFault,
        opening::{self, ConsumptionKey, NewCode, NewConsumption, repeated},
        opening_orders::{NewOrder, OrderKey},
    },
    store::opening as store,
};

/// Most rows in one message.
const CHUNK_LIMIT: usize = 1_000;
/// Most rows of own codes.
const CODES_LIMIT: usize = 100_000;
/// Most rows of consumption: about 25 MiB in memory.
const CONSUMPTION_LIMIT: usize = 200_000;
/// Most faults told one by one.
const ERROR_LIMIT: usize = 10_000;
/// Most rows told that match nothing.
const UNMATCHED_LIMIT: usize = 1_000;

/// What a load is.
struct Header {
    request_id: Uuid,
    sha256: [u8; 32],
    kind: OpeningKind,
    dry_run: bool,
}

impl Header {
    fn read(header: &OpeningHeader) -> Result<Self, Failure> {
        let mut fields = Fields::default();
        let request_id = parse_request_id(&header.request_id).ok();
        fields.check(request_id.is_some(), "request_id", "must be a UUID");
        let sha256 = hex::decode(&header.sha256).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        fields.check(sha256.is_some(), "sha256", "must be 64 hexadecimal digits");
        let kind = OpeningKind::try_from(header.kind).ok().filter(|kind| *kind != OpeningKind::Unspecified);
        fields.check(kind.is_some(), "kind", "must be CODES, CONSUMPTION or OPEN_ORDERS");
        fields.finish()?;
        match (request_id, sha256, kind) {
            (Some(request_id), Some(sha256), Some(kind)) => {
                Ok(Self { request_id, sha256, kind, dry_run: header.dry_run })
            }
            (_, _, _) => Err(Failure::internal("a header without fault and without value")),
        }
    }
}

/// The rows of a load read so far, and what is wrong with the others.
struct Load {
    today: NaiveDate,
    codes: Vec<NewCode>,
    consumption: Vec<NewConsumption>,
    orders: BTreeMap<OrderKey, NewOrder>,
    order_rows: usize,
    seen_codes: HashMap<(PartyId, String), i64>,
    seen_consumption: HashMap<ConsumptionKey, i64>,
    sources: HashSet<Arc<str>>,
    faults: Faults,
}

/// What is wrong with a load.
#[derive(Default)]
struct Faults {
    count: i64,
    errors: Vec<RowError>,
    unmatched_count: i64,
    unmatched: Vec<UnmatchedRow>,
}

impl Faults {
    fn tell(&mut self, faults: impl IntoIterator<Item = RowError>) {
        for fault in faults {
            self.count += 1;
            if self.errors.len() < ERROR_LIMIT {
                self.errors.push(fault);
            }
        }
    }

    fn add(&mut self, faults: Vec<RowFault>) {
        self.tell(faults.into_iter().map(row_error));
    }

    fn unmatched(&mut self, row: i64, code: &str, label: &str, known: &opening::Known, own_codes: bool) {
        self.unmatched_count += 1;
        if self.unmatched.len() >= UNMATCHED_LIMIT {
            return;
        }
        let own = if own_codes { "codes propres du membre ; " } else { "" };
        self.unmatched.push(UnmatchedRow {
            row,
            code: convert::cut(code),
            label: convert::cut(label),
            searched: format!("{own}CIP13, GTIN et clés du catalogue commun"),
            suggestion: known.near.clone().unwrap_or_default(),
        });
    }

    fn answer(mut self) -> LoadOpeningResponse {
        self.errors.sort_by_key(|error| error.row);
        LoadOpeningResponse {
            error_count: self.count,
            errors: self.errors,
            unmatched_count: self.unmatched_count,
            unmatched: self.unmatched,
            ..LoadOpeningResponse::default()
        }
    }
}

impl Load {
    fn new(today: NaiveDate) -> Self {
        Self {
            today,
            codes: Vec::new(),
            consumption: Vec::new(),
            orders: BTreeMap::new(),
            order_rows: 0,
            seen_codes: HashMap::new(),
            seen_consumption: HashMap::new(),
            sources: HashSet::new(),
            faults: Faults::default(),
        }
    }

    /// One text for all rows that have the same source.
    fn source(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.sources.get(text) {
            return known.clone();
        }
        let source: Arc<str> = Arc::from(text);
        self.sources.insert(source.clone());
        source
    }

    fn codes(&mut self, rows: Vec<opening::TypedCode>, lookup: &Lookup) -> Result<(), Failure> {
        for typed in rows {
            let known = lookup.known(&typed.party, "", &typed.article);
            if known.article.is_none() {
                self.faults.unmatched(typed.row, &typed.code, &typed.label, &known, false);
            }
            match opening::code(&typed, &known) {
                Ok(code) => match self.seen_codes.insert((code.party, code.code.clone()), code.row) {
                    Some(first) => self.faults.add(vec![repeated(code.row, "code", first)]),
                    None => self.codes.push(code),
                },
                Err(faults) => self.faults.add(faults),
            }
        }
        within(self.codes.len(), CODES_LIMIT)
    }

    fn consumption(&mut self, rows: Vec<opening::TypedConsumption>, lookup: &Lookup) -> Result<(), Failure> {
        for typed in rows {
            let known = lookup.known(&typed.party, &typed.site, &typed.article);
            if known.article.is_none() {
                self.faults.unmatched(typed.row, &typed.article, &typed.label, &known, true);
            }
            let source = self.source(&typed.source);
            match opening::consumption(&typed, &known, self.today, &source) {
                Ok(row) => match self.seen_consumption.insert(row.key(), row.row) {
                    Some(first) => self.faults.add(vec![repeated(row.row, "month", first)]),
                    None => self.consumption.push(row),
                },
                Err(faults) => self.faults.add(faults),
            }
        }
        within(self.consumption.len(), CONSUMPTION_LIMIT)
    }
}

fn within(rows: usize, limit: usize) -> Result<(), Failure> {
    if rows > limit {
        return Err(DemandError::FileTooLong { limit, what: "rows" }.into());
    }
    Ok(())
}

impl App {
    /// Loads opening rows of one kind, all or none; a dry run only says what would happen.
    ///
    /// # Errors
    /// `INVALID_INPUT`, `FILE_TOO_LONG`, `IMPORT_STALLED`, `REQUEST_ID_REUSED`; faults of rows are in the answer.
    pub async fn load_opening(
        &self,
        caller: &Caller,
        mut parts: impl Stream<Item = Result<LoadOpeningRequest, Status>> + Unpin,
    ) -> Result<LoadOpeningResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let header = match part(&mut parts).await?.map(|message| message.part) {
            Some(Some(Part::Header(header))) => Header::read(&header)?,
            Some(Some(Part::Rows(_)) | None) | None => {
                return Err(Failure::invalid_field("header", "must come first"));
            }
        };
        if let Some(reply) = self.find_opening_reply(caller, &header).await? {
            return Ok(reply);
        }
        let mut tx = self.db.begin(caller).await?;
        let mut load = Load::new(tx.today().await?);
        tx.rollback().await?;
        let (mut lookup, mut orders) = (Lookup::new(group), OrderLookup::default());
        while let Some(message) = part(&mut parts).await? {
            let Some(Part::Rows(rows)) = message.part else {
                return Err(Failure::invalid_field("header", "must come once"));
            };
            self.read_opening(caller, header.kind, &mut load, (&mut lookup, &mut orders), rows).await?;
        }
        drop(lookup);
        if load.faults.count > 0 {
            return Ok(load.faults.answer());
        }
        self.take_opening(caller, &header, load).await
    }

    async fn read_opening(
        &self,
        caller: &Caller,
        kind: OpeningKind,
        load: &mut Load,
        (lookup, known_orders): (&mut Lookup, &mut OrderLookup),
        rows: OpeningRows,
    ) -> Result<(), Failure> {
        let OpeningRows { codes, consumption, errors, orders } = rows;
        let mut fields = Fields::default();
        let within = codes.len() + consumption.len() + orders.len() <= CHUNK_LIMIT;
        fields.check(within, "rows", format!("must have at most {CHUNK_LIMIT} rows"));
        fields.check(kind == OpeningKind::Codes || codes.is_empty(), "rows.codes", "are of another kind");
        fields.check(
            kind == OpeningKind::Consumption || consumption.is_empty(),
            "rows.consumption",
            "are of another kind",
        );
        fields.check(kind == OpeningKind::OpenOrders || orders.is_empty(), "rows.orders", "are of another kind");
        fields.finish()?;
        load.faults.tell(errors);
        if !codes.is_empty() {
            let typed: Vec<_> = codes.into_iter().map(convert::typed_code).collect();
            let asked = typed.iter().map(|row| (row.party.as_str(), "", row.article.as_str()));
            self.look_up_opening(caller, lookup, asked.collect(), false).await?;
            load.codes(typed, lookup)?;
        }
        if !consumption.is_empty() {
            let typed: Vec<_> = consumption.into_iter().map(convert::typed_consumption).collect();
            let asked = typed.iter().map(|row| (row.party.as_str(), row.site.as_str(), row.article.as_str()));
            self.look_up_opening(caller, lookup, asked.collect(), true).await?;
            load.consumption(typed, lookup)?;
        }
        if !orders.is_empty() {
            let typed: Vec<_> = orders.into_iter().map(convert::typed_open_order).collect();
            let rows = typed.iter().map(|row| (row.party.as_str(), row.site.as_str(), row.article.as_str()));
            // Suppliers are parties too, without site or article.
            let suppliers = typed.iter().map(|row| (row.supplier.as_str(), "", ""));
            self.look_up_opening(caller, lookup, rows.chain(suppliers).collect(), true).await?;
            self.look_up_orders(caller.group()?, lookup, known_orders, &typed).await?;
            load.orders(typed, lookup, known_orders)?;
        }
        Ok(())
    }

    /// Members' own codes of articles; those limited to a member see its own.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_member_codes(
        &self,
        caller: &Caller,
        request: ListMemberCodesRequest,
    ) -> Result<ListMemberCodesResponse, Failure> {
        let limit = limited_to(caller)?;
        let mut fields = Fields::default();
        let asked: Option<PartyId> = fields.optional_id("party_id", &request.party_id);
        let mut page = request.page.unwrap_or_default();
        let key = std::mem::take(&mut page.after);
        let after = key.split_once('/').and_then(|(party, code)| Some((party.parse().ok()?, code.to_owned())));
        fields.check(after.is_some() || key.is_empty(), "page.after", "is no key of this list");
        fields.finish()?;
        let wanted = convert::page::<id::Party>(caller, Some(&page))?;
        if contradict(limit, asked) {
            return Ok(ListMemberCodesResponse::default());
        }
        let mut tx = self.db.begin(caller).await?;
        let rows = store::list_codes(tx.conn(), limit.or(asked), after, wanted.size).await?;
        tx.rollback().await?;
        let full = usize::try_from(wanted.size).is_ok_and(|size| rows.len() >= size);
        let next_after = rows.last().filter(|_| full).map(|row| format!("{}/{}", row.party_id, row.code));
        let rows = rows.into_iter().map(|row| MemberCode {
            party_id: row.party_id.to_string(),
            code: row.code,
            article_id: row.article_id.to_string(),
        });
        Ok(ListMemberCodesResponse { rows: rows.collect(), next_after: next_after.unwrap_or_default() })
    }

    /// What members consumed before; those limited to a member see its own.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_consumption(
        &self,
        caller: &Caller,
        request: ListConsumptionRequest,
    ) -> Result<ListConsumptionResponse, Failure> {
        let limit = limited_to(caller)?;
        let mut fields = Fields::default();
        let asked: Option<PartyId> = fields.optional_id("party_id", &request.party_id);
        fields.finish()?;
        let wanted = convert::page::<id::Consumption>(caller, request.page.as_ref())?;
        if contradict(limit, asked) {
            return Ok(ListConsumptionResponse::default());
        }
        let mut tx = self.db.begin(caller).await?;
        let rows = store::list_consumption(tx.conn(), limit.or(asked), wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let last: Option<ConsumptionId> = rows.last().map(|row| row.id);
        let next_after = convert::next_after(wanted, rows.len(), last);
        let rows = rows.into_iter().map(|row| Consumption {
            party_id: row.party_id.to_string(),
            site_id: row.site_id.map(|site| site.to_string()).unwrap_or_default(),
            article_id: row.article_id.to_string(),
            month: row.month.format("%Y-%m").to_string(),
            units: row.units,
            amount_cents: row.amount_cents,
            as_of: row.as_of.to_string(),
            source: row.source,
        });
        Ok(ListConsumptionResponse { rows: rows.collect(), next_after })
    }
}
