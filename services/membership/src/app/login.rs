//! Logins of the embedded issuer.

use kit::{Caller, Failure};
use proto::membership::v1::{GetIssuerKeysRequest, GetIssuerKeysResponse, IssueTokenRequest, IssueTokenResponse};
use sha2::{Digest as _, Sha256};

use super::{App, require_gateway};
use crate::{
    convert::credentials_from_proto,
    domain::{MembershipError, TOKEN_LIFETIME, locked_for},
    store,
};

impl App {
    /// Checks a login and password and issues an access token. A login that does not exist fails exactly like a wrong password: as
    /// slowly, and with the same lock after too many failures.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `INVALID_INPUT`, `LOGIN_REFUSED`, `LOGIN_LOCKED`.
    pub async fn issue_token(
        &self,
        caller: &Caller,
        request: IssueTokenRequest,
    ) -> Result<IssueTokenResponse, Failure> {
        require_gateway(caller)?;
        let credentials = credentials_from_proto(&request)?;
        let digest = login_sha256(&credentials.login);
        // Failures are counted inside the turn: however many tries come at once, no more than there are cores pass the
        // count before the first of them is noted.
        let turn = self.passwords.turn().await?;
        let mut tx = self.db.begin(caller).await?;
        let attempt = store::account::find_attempt(tx.conn(), &credentials.login, &digest).await?;
        tx.rollback().await?;
        if let Some(retry_after_s) = locked_for(&attempt.failures, attempt.now) {
            return Err(MembershipError::LoginLocked { retry_after_s }.into());
        }
        let (person, stored) = attempt.account.unzip();
        let fits = turn.verify(credentials.password, stored).await?;
        let Some(person) = person.filter(|_| fits) else {
            let mut tx = self.db.begin(caller).await?;
            store::account::insert_failure(tx.conn(), &digest).await?;
            tx.commit().await?;
            return Err(MembershipError::LoginRefused.into());
        };
        drop(turn);
        let access_token = self.issuer.token(person, &credentials.audience).await?;
        let expires_in_s = i32::try_from(TOKEN_LIFETIME.num_seconds()).map_err(Failure::internal)?;
        Ok(IssueTokenResponse { access_token, expires_in_s })
    }

    /// The public keys that verify the tokens.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`.
    pub async fn get_issuer_keys(
        &self,
        caller: &Caller,
        _request: GetIssuerKeysRequest,
    ) -> Result<GetIssuerKeysResponse, Failure> {
        require_gateway(caller)?;
        Ok(GetIssuerKeysResponse { jwks_json: self.issuer.jwks().await? })
    }
}

/// Under what the failures of a login are counted.
pub(super) fn login_sha256(login: &str) -> Vec<u8> {
    Sha256::digest(login).to_vec()
}
