//! The gateway as a whole: its document, its texts, and requests through all layers to services made of a few lines.

mod document;
mod files;
mod http;
mod reasons;
mod stub;
mod tenders;
