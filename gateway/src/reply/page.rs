//! The pages of a reply link, in French. Whole without JavaScript, without anything loaded from elsewhere; works by keyboard
//! and screen reader, in light, dark, narrow and on paper.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kit::french::{euros, grouped};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use proto::demand::v1::{PooledOrder, PooledOrderState};
use sha2::{Digest as _, Sha256};

use super::form::{Filled, Typed, ordered};
use crate::{
    order_file::sheet::{Item, Place, Sheet},
    texts::moment,
};

const STYLE: &str = include_str!("page.css");

/// What the page may load: its own style and nothing else; where its forms may go: here.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// A whole page: its title and what stands in it.
pub fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="fr" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    }
    .into_string()
}

/// A link that is none of ours, no longer holds, or whose order is not there: all the same.
pub fn no_such_link() -> String {
    page(
        "Lien non valable",
        &html! {
            h1 { "Ce lien n'est pas valable" }
            p { "Il est incomplet, il a été modifié, ou son délai est passé. Reprenez le lien dans le dernier message reçu, en entier, \
                 ou demandez à l'acheteur de vous envoyer la commande de nouveau." }
        },
    )
}

/// Too many requests.
pub fn too_many() -> String {
    page(
        "Trop de demandes",
        &html! {
            h1 { "Trop de demandes" }
            p { "Attendez une minute, puis rechargez cette page. Rien de ce que vous avez envoyé n'a été enregistré à moitié." }
        },
    )
}

/// Something is away.
pub fn unavailable() -> String {
    page(
        "Service indisponible",
        &html! {
            h1 { "Le service ne répond pas pour l'instant" }
            p { "Rechargez cette page dans quelques minutes. Une réponse déjà envoyée n'est jamais comptée deux fois." }
        },
    )
}

/// The order: to be answered while it is PLACED, with what was answered afterwards.
pub fn order(order: &PooledOrder, sheet: &Sheet, filled: &Filled) -> String {
    let title = format!("Commande {}", sheet.number);
    let open = order.state() == PooledOrderState::Placed;
    let body = html! {
        @if open { (fault_summary(sheet, filled)) }
        h1 { "Commande groupée " (sheet.number) }
        p.lead {
            (sheet.group) " commande à " strong { (sheet.supplier.name) } " : "
            strong { (euros(sheet.totals.amount_cents)) " HT" }
            ", soit " (euros(sheet.totals.with_vat_cents())) " TTC, en " (sheet.forms.len()) " bon(s) de commande."
        }
        @if open { (how_to_answer()) } @else { (answered(order)) }
        (facts(sheet))
        p.files {
            "Le détail par établissement et par lieu de livraison : "
            a href="?file=pdf" { "PDF" } " · " a href="?file=xlsx" { "classeur" } " · " a href="?file=csv" { "CSV" }
        }
        @if open { (forms(sheet, filled)) } @else { (answer_table(sheet)) }
        (order_forms(sheet))
    };
    page(&title, &body)
}

fn how_to_answer() -> Markup {
    html! {
        nav aria-label="Votre réponse" {
            ul {
                li { a href="#accept" { "Tout accepter" } }
                li { a href="#lines" { "Répondre ligne par ligne" } }
            }
        }
    }
}

fn answered(order: &PooledOrder) -> Markup {
    let means = match order.answer_means.as_str() {
        "EMAIL_LINK" => "par ce lien",
        "PORTAL" => "sur le portail",
        "PHONE" => "par téléphone, saisi par l'acheteur",
        "EMAIL" => "par courriel, saisi par l'acheteur",
        "FILE" => "par fichier, saisi par l'acheteur",
        _ => "",
    };
    html! {
        section.done role="status" {
            h2 { "Votre réponse est enregistrée" }
            p { "Reçue " (means) ". Une commande n'est répondue qu'une fois : pour la modifier, adressez-vous à l'acheteur." }
            @if order.cancelled_cents > 0 {
                p { "Annulé sur cette commande : " strong { (euros(order.cancelled_cents)) " HT" } "." }
            }
        }
    }
}

fn facts(sheet: &Sheet) -> Markup {
    html! {
        dl {
            dt { "Accord-cadre" } dd { (sheet.agreement) }
            dt { "Lot" } dd { (sheet.lot) }
            @if let Some(placed) = moment(&sheet.placed_at) { dt { "Passée le" } dd { (placed) } }
            @if let Some(platform) = &sheet.platform { dt { "Plateforme de livraison" } dd { (place(platform)) } }
        }
    }
}

fn place(place: &Place) -> String {
    format!("{}, {}", place.name, place.address).trim_end_matches(", ").to_owned()
}

/// What is wrong, with a link to each field.
fn fault_summary(sheet: &Sheet, filled: &Filled) -> Markup {
    let mut faults: Vec<(String, String)> = Vec::new();
    faults.extend(filled.date_fault.iter().map(|fault| ("date".to_owned(), fault.clone())));
    for (index, (item, (_, of_line))) in sheet.articles.iter().zip(&filled.lines).enumerate() {
        faults.extend(
            of_line.all().map(|(field, fault)| (format!("{field}{index}"), format!("{} : {fault}", item.label))),
        );
    }
    html! {
        @if !faults.is_empty() {
            section.faults role="alert" tabindex="-1" autofocus {
                h2 { "Votre réponse n'est pas encore enregistrée" }
                p { (faults.len()) " point(s) à corriger. Ce que vous avez saisi est resté en place." }
                ul { @for (id, fault) in &faults { li { a href={ "#" (id) } { (fault) } } } }
            }
        }
    }
}

fn forms(sheet: &Sheet, filled: &Filled) -> Markup {
    html! {
        section #accept {
            h2 { "Tout accepter" }
            form method="post" {
                p.field {
                    label for="date" { "Date de livraison annoncée " span.hint { "(facultative)" } }
                    input #date type="date" name="date" value=(filled.date)
                        aria-invalid=[filled.date_fault.as_ref().map(|_| "true")]
                        aria-describedby=[filled.date_fault.as_ref().map(|_| "date-fault")];
                    (fault("date-fault", filled.date_fault.as_ref()))
                }
                button type="submit" name="answer" value="all" { "J'accepte toute la commande" }
            }
        }
        section #lines {
            h2 { "Répondre ligne par ligne" }
            p { "Changez ce qui ne convient pas, en conditionnements entiers. Ce que vous n'acceptez pas est annulé : dites pourquoi." }
            form method="post" {
                @for (index, (item, (typed, _))) in sheet.articles.iter().zip(&filled.lines).enumerate() {
                    (line(index, item, typed, filled))
                }
                button type="submit" name="answer" value="lines" { "J'envoie cette réponse" }
            }
        }
    }
}

fn line(index: usize, item: &Item, typed: &Typed, filled: &Filled) -> Markup {
    let faults = &filled.lines[index].1;
    let id = |field: &str| format!("{field}{index}");
    let of = |field: &str, present: bool| present.then(|| format!("{field}{index}-fault"));
    html! {
        fieldset {
            legend { (item.label) }
            p.ordered {
                span.code { (item.code) }
                " Commandé : " strong { (grouped(ordered(item))) " × " (item.packaging_code) }
                " (" (item.conversion) ") à " (item.unit_price.replace('.', ",")) " € HT l'unité : " (euros(item.amount_cents)) " HT"
            }
            div.fields {
                p.field {
                    label for=(id("packs")) { "Conditionnements acceptés" }
                    input id=(id("packs")) name=(id("packs")) inputmode="numeric" autocomplete="off" value=(typed.packs)
                        aria-invalid=[faults.packs.as_ref().map(|_| "true")]
                        aria-describedby=[of("packs", faults.packs.is_some())];
                    (fault(&format!("packs{index}-fault"), faults.packs.as_ref()))
                }
                p.field {
                    label for=(id("date")) { "Date annoncée " span.hint { "(facultative)" } }
                    input id=(id("date")) name=(id("date")) type="date" value=(typed.date)
                        aria-invalid=[faults.date.as_ref().map(|_| "true")]
                        aria-describedby=[of("date", faults.date.is_some())];
                    (fault(&format!("date{index}-fault"), faults.date.as_ref()))
                }
                p.field.reason {
                    label for=(id("reason")) { "Motif " span.hint { "(si vous n'acceptez pas tout)" } }
                    input id=(id("reason")) name=(id("reason")) maxlength="500" autocomplete="off" value=(typed.reason)
                        aria-invalid=[faults.reason.as_ref().map(|_| "true")]
                        aria-describedby=[of("reason", faults.reason.is_some())];
                    (fault(&format!("reason{index}-fault"), faults.reason.as_ref()))
                }
                p.check {
                    input id=(id("refused")) name=(id("refused")) type="checkbox" checked[typed.refused];
                    label for=(id("refused")) { "Je refuse cette ligne" }
                }
            }
        }
    }
}

fn fault(id: &str, fault: Option<&String>) -> Markup {
    html! { @if let Some(fault) = fault { span.fault id=(id) { (fault) } } }
}

fn answer_table(sheet: &Sheet) -> Markup {
    html! {
        section {
            h2 { "Articles" }
            div.scroll tabindex="0" role="region" aria-label="Articles de la commande" {
                table {
                    thead { tr {
                        th scope="col" { "Article" } th.number scope="col" { "Commandé" } th.number scope="col" { "Annulé" }
                        th scope="col" { "Date annoncée" } th scope="col" { "Motif" }
                    } }
                    tbody { @for item in &sheet.articles { tr {
                        th scope="row" { (item.label) br; span.code { (item.code) } }
                        td.number { (grouped(ordered(item))) " × " (item.packaging_code) br; (grouped(item.units)) " u." }
                        td.number { @if item.cancelled > 0 { (grouped(item.cancelled)) " u." } @else { "—" } }
                        td { (moment(&item.promised_on).unwrap_or_else(|| "—".to_owned())) }
                        td { @if item.reason.is_empty() { "—" } @else { (item.reason) } }
                    } } }
                }
            }
        }
    }
}

fn order_forms(sheet: &Sheet) -> Markup {
    html! {
        section {
            h2 { "Bons de commande" }
            div.scroll tabindex="0" role="region" aria-label="Bons de commande" {
                table {
                    thead { tr {
                        th scope="col" { "Numéro" } th scope="col" { "Commandeur" } th scope="col" { "N° d'engagement" }
                        th.number scope="col" { "Montant HT" } th.number scope="col" { "TVA" } th.number scope="col" { "TTC" }
                    } }
                    tbody { @for form in &sheet.forms { tr {
                        th.id scope="row" { (form.number) }
                        td { (form.orderer.name) @if form.payer.name != form.orderer.name { br; "payé par " (form.payer.name) } }
                        td.id { @if form.commitment.is_empty() { "—" } @else { (form.commitment) } }
                        td.number { (euros(form.totals.amount_cents)) }
                        td.number { (euros(form.totals.vat_cents)) }
                        td.number { (euros(form.totals.with_vat_cents())) }
                    } } }
                }
            }
        }
    }
}
