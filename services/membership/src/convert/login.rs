//! Logins.

use kit::{Failure, config::Secret};
use proto::membership::v1 as pb;

use super::{Fields, person::LONGEST_PASSWORD};

/// A login to check.
#[derive(Debug)]
pub struct Credentials {
    /// As typed, in lower case. Personal data.
    pub login: String,
    /// As typed.
    pub password: Secret,
    /// For whom the token will be.
    pub audience: String,
}

/// Reads a login. A login or password that nobody can have is no fault of form: it fails like any wrong one.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn credentials_from_proto(request: &pb::IssueTokenRequest) -> Result<Credentials, Failure> {
    let mut fields = Fields::new();
    // Counted without being shown: the texts may be secrets in the wrong field.
    for (field, text, most) in [("login", &request.login, 100), ("password", &request.password, LONGEST_PASSWORD)] {
        if !(1..=most).contains(&text.chars().count()) {
            fields.fault(field, &format!("must be 1 to {most} characters"));
        }
    }
    let audience = fields.text("audience", &request.audience, 1, 200);
    let (login, password) = (request.login.to_lowercase(), Secret::from(request.password.clone()));
    fields.finish(Some(Credentials { login, password, audience }))
}
