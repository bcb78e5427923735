//! A pooled order as CSV: one line per article and delivery point, with everything needed to prepare and ship it.

use std::collections::HashMap;

use kit::Failure;
use proto::{demand::v1 as pb, membership::v1::Site};

use super::{
    gather::Source,
    sheet::{code, destination, net_units},
};

const HEADER: [&str; 27] = [
    "commande",
    "bon_de_commande",
    "engagement",
    "commandeur",
    "payeur",
    "membre",
    "site",
    "finess",
    "adresse",
    "code_postal",
    "ville",
    "acheminement",
    "livrer_a",
    "livrer_adresse",
    "livrer_code_postal",
    "livrer_ville",
    "article",
    "libelle",
    "conditionnement",
    "unites_par_conditionnement",
    "conditionnements",
    "unites",
    "unites_commandees",
    "unites_annulees",
    "conditionnements_de_l_article_a_cette_adresse",
    "prix_unitaire_ht_eur",
    "montant_ht_eur",
];

/// Writes the file.
///
/// # Errors
/// When there is no memory for it.
pub fn write(source: &Source) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(csv::Terminator::CRLF)
        .from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(HEADER).map_err(Failure::internal)?;
    // Where a platform opens packs, only all of its lines together make whole ones: that is what the supplier puts on the pallet.
    let mut to_send: HashMap<(&str, &str), i64> = HashMap::new();
    for line in &source.lines {
        *to_send.entry((&line.pooled_line_id, destination(source, line))).or_default() += net_units(line);
    }
    for line in &source.lines {
        let to_send = to_send[&(line.pooled_line_id.as_str(), destination(source, line))];
        writer.write_record(record(source, line, to_send)).map_err(Failure::internal)?;
    }
    writer.into_inner().map_err(Failure::internal)
}

fn record(source: &Source, line: &pb::OrderLine, to_send: i64) -> [String; 27] {
    let form = source.forms.get(&line.order_form_id);
    let party = |id: Option<&String>| {
        id.and_then(|id| source.parties.get(id)).map(|party| text(&party.name)).unwrap_or_default()
    };
    let site = source.sites.get(&line.site_id);
    let platform = line.route() == pb::Route::Platform;
    let destination = if platform { source.sites.get(&source.order.platform_site_id) } else { site };
    let of = |site: Option<&Site>, field: fn(&Site) -> &String| site.map(|site| text(field(site))).unwrap_or_default();
    let article = source.articles.get(&line.article_id);
    let units = net_units(line);
    let packs = |units: i64| match line.pack_units {
        pack if pack > 0 && units % pack == 0 => (units / pack).to_string(),
        _ => String::new(),
    };
    [
        text(&source.order.number),
        form.map(|form| text(&form.number)).unwrap_or_default(),
        form.map(|form| text(&form.commitment_number)).unwrap_or_default(),
        party(form.map(|form| &form.orderer_id)),
        party(form.map(|form| &form.payer_id)),
        party(Some(&line.party_id)),
        of(site, |site| &site.name),
        of(site, |site| &site.finess),
        of(site, |site| &site.address),
        of(site, |site| &site.postcode),
        of(site, |site| &site.city),
        if platform { "PLATEFORME" } else { "DIRECT" }.to_owned(),
        of(destination, |site| &site.name),
        of(destination, |site| &site.address),
        of(destination, |site| &site.postcode),
        of(destination, |site| &site.city),
        article.map_or_else(|| text(&line.article_id), |article| text(code(article, &line.packaging_code))),
        article.map(|article| text(&article.label)).unwrap_or_default(),
        text(&line.packaging_code),
        line.pack_units.to_string(),
        packs(units),
        units.to_string(),
        line.units_ordered.to_string(),
        line.units_cancelled.to_string(),
        packs(to_send),
        line.unit_price.replace('.', ","),
        euros(line.amount_cents - line.cancelled_cents),
    ]
}

/// A text cell that no spreadsheet takes for a formula.
fn text(value: &str) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { value.to_owned() }
}

fn euros(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{},{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}
