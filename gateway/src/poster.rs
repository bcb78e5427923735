//! A group's charter as a poster to hang up: one A3 page, or more where the text is long, with the signature of a practitioner.

use kit::Failure;
use proto::membership::v1::{Charter, Practitioner};

use crate::{
    order_file::paper::{Format, Paper, Style},
    texts::moment,
};

// On the A4 page that is enlarged to A3.
const GROUP: Style = Style::of(13.0).grey();
const TITLE: Style = Style::of(28.0).bold();
const HEADING: Style = Style::of(15.0).bold();
const TEXT: Style = Style::of(12.0);
const SIGNATURE: Style = Style::of(13.0).bold();
const NOTE: Style = Style::of(8.0).grey();

/// Writes the poster.
///
/// # Errors
/// When it cannot be written.
pub fn write(group: &str, charter: &Charter, signatory: Option<&Practitioner>) -> Result<Vec<u8>, Failure> {
    let day = |text: &str| moment(text).unwrap_or_else(|| text.to_owned());
    let mut paper = Paper::new(group.to_owned())?;
    paper.space(10.0);
    paper.paragraph(group, GROUP);
    paper.space(6.0);
    paper.paragraph(&charter.title, TITLE);
    paper.space(16.0);
    for part in charter.text.split("\n\n").map(str::trim).filter(|part| !part.is_empty()) {
        match part.strip_prefix("# ") {
            Some(heading) => {
                paper.space(10.0);
                // A heading does not stand alone at the end of a page.
                paper.keep(60.0);
                paper.paragraph(heading.lines().next().unwrap_or_default(), HEADING);
            }
            None => part.lines().for_each(|line| paper.paragraph(line, TEXT)),
        }
        paper.space(6.0);
    }
    paper.keep(90.0);
    paper.space(24.0);
    if let Some(one) = signatory {
        let place: Vec<&str> = one.attachments.iter().map(|attachment| attachment.party_name.as_str()).collect();
        paper.paragraph(&format!("Signée le {} par {}", day(&one.charter_signed_on), one.charter_signed_by), SIGNATURE);
        paper.paragraph(&place.join(", "), TEXT);
        if one.level > 0 {
            let since = day(&one.level_since);
            paper.paragraph(
                &format!("Label qualité, niveau {} : {}, depuis le {since}", one.level, one.level_name),
                TEXT,
            );
        }
        paper.space(8.0);
    }
    paper.paragraph(
        &format!(
            "Version {}, en vigueur depuis le {} ; empreinte SHA-256 {}",
            charter.version,
            day(&charter.valid_from),
            charter.sha256
        ),
        NOTE,
    );
    paper.finish_as(&charter.title, Format::A3)
}

#[cfg(test)]
mod tests {
    use proto::membership::v1::Attachment;

    use super::*;

    #[test]
    fn the_poster_is_a3_and_says_what_was_signed_by_whom() {
        let charter = Charter {
            version: 2,
            title: "Charte des radiologues engagés".into(),
            text: "# Territoire\n\nNous participons à la permanence des soins.\n\n# Équipe\n\nNous relisons ensemble."
                .into(),
            valid_from: "2026-01-01".into(),
            sha256: "ab".repeat(32),
            signature_count: 1,
        };
        let signatory = Practitioner {
            charter_signed_on: "2026-02-03".into(),
            charter_signed_by: "Dr Camille Exemple".into(),
            charter_version: 2,
            level: 2,
            level_name: "Confirmé".into(),
            level_since: "2026-03-04".into(),
            attachments: vec![Attachment { party_name: "Cabinet FICTIF du Port".into(), ..Attachment::default() }],
            ..Practitioner::default()
        };
        let pdf = write("GIE FICTIF", &charter, Some(&signatory)).unwrap();
        let document = lopdf::Document::load_mem(&pdf).unwrap();
        let pages = document.get_pages();
        assert_eq!(pages.len(), 1);
        let page = document.get_object(pages[&1]).unwrap().as_dict().unwrap();
        let size: Vec<f32> =
            page.get(b"MediaBox").unwrap().as_array().unwrap().iter().map(|side| side.as_float().unwrap()).collect();
        assert!((size[2] - 841.89).abs() < 0.1 && (size[3] - 1_190.55).abs() < 0.1, "{size:?}");
        let text = document.extract_text(&[1]).unwrap().replace('\n', " ");
        for part in [
            "Charte des radiologues engagés",
            "permanence des soins",
            "03/02/2026 par Dr Camille Exemple",
            "Confirmé",
            "Port",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
