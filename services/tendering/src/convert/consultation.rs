//! Consultations and tenders.

mod input;
mod output;

pub use input::{
    Marks, TenderUpload, consultation_id_from_proto, dossier_from_proto, marks_from_proto, sign_from_proto,
    upload_from_proto,
};
pub(crate) use input::{consultation_list_from_proto, tender_list_from_proto};
pub(crate) use output::{
    Audience, consultation_to_proto, finding_to_proto, ranking_to_proto, receipt_to_proto, tender_to_proto,
    tier_to_proto,
};
