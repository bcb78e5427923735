//! The mail with an order in it: a short text, the link by which to answer, the files.

use std::fmt::Write as _;

use kit::french::euros;
use lettre::{
    Message,
    message::{
        Attachment, Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType},
    },
};

use crate::order_file::{OrderFile, gather::Source};

/// What the text says.
pub struct About {
    number: String,
    group: String,
    agreement: String,
    forms: usize,
    amount: String,
    link: String,
}

impl About {
    /// Of an order, answered by a link.
    pub fn of(source: &Source, link: &str) -> Self {
        Self {
            number: source.order.number.clone(),
            group: source.group.clone(),
            agreement: format!("{} — {}", source.agreement.number, source.agreement.title),
            forms: source.forms.len(),
            amount: euros(source.order.amount_cents),
            link: link.to_owned(),
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "Bonjour,\r\n\r\n{} vous passe la commande groupée {} au titre de l'accord-cadre {} :\r\n{} HT, {} bon(s) de commande, \
             en pièces jointes (PDF et classeur).\r\n\r\n",
            self.group, self.number, self.agreement, self.amount, self.forms
        );
        let _ = write!(
            text,
            "Pour répondre sans compte (tout accepter, ou changer une quantité ou une date ligne par ligne) :\r\n\r\n{}\r\n\r\n\
             Ce lien ne vaut que pour cette commande et votre entreprise : ne le transmettez qu'à qui peut répondre pour elle.\r\n\r\n\
             Facturez chaque bon de commande séparément, avec son numéro et son numéro d'engagement.\r\n\r\n\
             Ce message est envoyé par Centrale pour {}.\r\n",
            self.link, self.group
        );
        text
    }
}

/// Writes the mail.
///
/// # Errors
/// When a header cannot hold what it should.
pub fn write(
    from: &Mailbox,
    to: Mailbox,
    message_id: &str,
    about: &About,
    files: Vec<OrderFile>,
) -> Result<Message, Box<dyn std::error::Error + Send + Sync>> {
    let text = Body::new_with_encoding(about.text(), ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| "the text cannot be encoded")?;
    let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text);
    let mut parts = MultiPart::mixed().singlepart(text);
    for file in files {
        let kind = ContentType::parse(file.format.media_type())?;
        parts = parts.singlepart(Attachment::new(file.name).body(file.content, kind));
    }
    let mail = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(format!("Commande groupée {} — {}", about.number, about.group))
        .message_id(Some(message_id.to_owned()))
        .multipart(parts)?;
    Ok(mail)
}
