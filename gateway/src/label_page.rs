//! The public page of a group's quality label, in French: whole without JavaScript, without anything loaded from elsewhere.

use maud::html;

use crate::{dto::label::PublicLabel, reply::page::page, texts::moment};

/// Who holds which level.
pub fn label(key: &str, label: &PublicLabel) -> String {
    let title = format!("Label qualité — {}", label.group_name);
    let body = html! {
        h1 { "Label qualité" }
        p.lead { (label.group_name) }
        @if label.counts.is_empty() { p { "Ce groupe n'a pas de label." } } @else {
            dl { @for count in &label.counts {
                dt { "Niveau " (count.level) " · " (count.name) } dd { (count.count) " radiologue(s)" }
            } }
        }
        @if label.holders.is_empty() { p { "Personne ne porte le label aujourd'hui." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Porteurs du label" {
                table {
                    thead { tr {
                        th scope="col" { "Nom" } th scope="col" { "Lieu d'exercice" } th scope="col" { "Niveau" } th scope="col" { "Depuis le" }
                    } }
                    tbody { @for holder in &label.holders { tr {
                        th scope="row" { (holder.name) }
                        td { (holder.place) }
                        td { (holder.level) " · " (holder.level_name) @if holder.audit_overdue { br; span.code { "audit de renouvellement en retard" } } }
                        td.id { (moment(&holder.since).unwrap_or_else(|| holder.since.clone())) }
                    } } }
                }
            }
        }
        @if let Some(next) = &label.next_page_token {
            nav aria-label="Pages" { ul { li { a href={ "/label/" (key) "?page_token=" (next) } { "Page suivante" } } } }
        }
    };
    page(&title, &body)
}

/// No such group.
pub fn none() -> String {
    page("Label inconnu", &html! { h1 { "Ce label est inconnu" } p { "Vérifiez l'adresse." } })
}

/// Something is away, or too much was asked.
pub fn away() -> String {
    page(
        "Page indisponible",
        &html! { h1 { "La page ne peut pas être montrée pour l'instant" } p { "Rechargez-la dans une minute." } },
    )
}
