//! Answering an order without an account, by the signed link in its e-mail: `token.rs` makes and reads links, `form.rs` reads
//! what was filled in, `page.rs` shows it. The routes are in `routes/reply.rs`.

pub mod form;
pub mod page;
pub mod token;
