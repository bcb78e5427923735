//! The embedded issuer towards clients: RFC 6749 password grant, discovery and keys. Membership keeps the accounts.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use kit::Failure;
use proto::membership::v1::{GetIssuerKeysRequest, IssueTokenRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::{expect_media_type, whole},
    error::GatewayError,
    people::gateway,
    problem::Problem,
    upstream::{call, membership},
};

/// Largest form.
const FORM_LIMIT: usize = 16 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(token)).routes(routes!(configuration)).routes(routes!(keys))
}

/// A request for a token (RFC 6749 section 4.3).
#[derive(Deserialize, ToSchema)]
pub struct TokenForm {
    /// `password`.
    #[schema(example = "password")]
    #[serde(default)]
    pub grant_type: String,
    /// Login.
    #[schema(example = "acheteuse")]
    #[serde(default)]
    pub username: String,
    /// Password.
    #[schema(format = Password)]
    #[serde(default)]
    pub password: String,
}

/// A token (RFC 6749 section 5.1).
#[derive(Serialize, ToSchema)]
pub struct Token {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that it lives.
    #[schema(example = 3600)]
    pub expires_in: i32,
}

/// A refusal (RFC 6749 section 5.2).
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenError {
    /// `invalid_request`, `invalid_grant` or `unsupported_grant_type`.
    #[schema(example = "invalid_grant")]
    pub error: &'static str,
    /// For people, in French.
    pub error_description: String,
}

/// Issues a token for a login and password.
#[utoipa::path(
    post,
    path = "/oauth2/token",
    tag = "sign-in",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Token), (status = 400, description = "Refused.", body = TokenError))
)]
async fn token(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    if expect_media_type(request.headers(), "application/x-www-form-urlencoded").is_err() {
        return Ok(refused("invalid_request", "Envoyez un formulaire (application/x-www-form-urlencoded)."));
    }
    let address =
        request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string()).unwrap_or_default();
    let body = whole(request.into_body(), FORM_LIMIT).await?;
    let form = match form(&body) {
        Ok(form) => form,
        Err(refusal) => return Ok(refused(refusal.error, &refusal.error_description)),
    };
    if !app.limiter.allows(&address, &form.username).await {
        return Err(GatewayError::TooManyLogins.into());
    }
    let request = IssueTokenRequest { login: form.username, password: form.password, audience: app.audience.clone() };
    let answer = call(&app.peers.membership, &gateway(), request, |channel, request| async move {
        membership(channel).issue_token(request).await
    })
    .await;
    let answer = match answer {
        Err(failure) if is_refusal(&failure) => {
            let problem = Problem::from(failure);
            return Ok(refused("invalid_grant", &problem.body("").detail));
        }
        other => other?,
    };
    let token = Token { access_token: answer.access_token, token_type: "Bearer", expires_in: answer.expires_in_s };
    Ok(never_stored(Json(token).into_response()))
}

fn form(body: &[u8]) -> Result<TokenForm, TokenError> {
    let refuse = |error, text: &str| TokenError { error, error_description: text.to_owned() };
    let text = std::str::from_utf8(body).map_err(|_| refuse("invalid_request", "Le formulaire n'est pas en UTF-8."))?;
    let uri = format!("/?{text}").parse().map_err(|_| refuse("invalid_request", "Le formulaire n'est pas lisible."))?;
    let axum::extract::Query(form) = axum::extract::Query::<TokenForm>::try_from_uri(&uri)
        .map_err(|_| refuse("invalid_request", "Le formulaire n'est pas lisible."))?;
    match form.grant_type.as_str() {
        "password" if form.username.is_empty() || form.password.is_empty() => {
            Err(refuse("invalid_request", "Indiquez username et password."))
        }
        "password" => Ok(form),
        "" => Err(refuse("invalid_request", "Indiquez grant_type.")),
        _ => Err(refuse("unsupported_grant_type", "Seul grant_type=password est admis ici.")),
    }
}

/// Whether membership refused the credentials, as opposed to being away or overloaded.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::Remote(status) if matches!(
        status.code(),
        tonic::Code::Unauthenticated
            | tonic::Code::PermissionDenied
            | tonic::Code::InvalidArgument
            | tonic::Code::NotFound
            | tonic::Code::FailedPrecondition
    ))
}

fn refused(error: &'static str, text: &str) -> Response {
    let body = TokenError { error, error_description: text.to_owned() };
    never_stored((StatusCode::BAD_REQUEST, Json(body)).into_response())
}

fn never_stored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What the embedded issuer offers (OpenID Connect Discovery 1.0).
#[derive(Debug, Serialize, ToSchema)]
pub struct Configuration {
    /// Issuer of tokens.
    pub issuer: String,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Where the public keys are.
    pub jwks_uri: String,
    /// `password`.
    pub grant_types_supported: Vec<&'static str>,
    /// None: there is no authorisation page.
    pub response_types_supported: Vec<&'static str>,
    /// `public`.
    pub subject_types_supported: Vec<&'static str>,
    /// `EdDSA`.
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    /// `none`: clients are public.
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
}

/// Discovery document of the embedded issuer.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "sign-in", responses((status = 200, body = Configuration)))]
async fn configuration(State(app): State<App>) -> Json<Configuration> {
    Json(Configuration {
        issuer: app.issuer.clone(),
        token_endpoint: format!("{}/oauth2/token", app.public_url),
        jwks_uri: format!("{}/oauth2/jwks", app.public_url),
        grant_types_supported: vec!["password"],
        response_types_supported: Vec::new(),
        subject_types_supported: vec!["public"],
        id_token_signing_alg_values_supported: vec!["EdDSA"],
        token_endpoint_auth_methods_supported: vec!["none"],
    })
}

/// Public keys of the embedded issuer (RFC 7517).
#[utoipa::path(
    get,
    path = "/oauth2/jwks",
    tag = "sign-in",
    responses((status = 200, description = "A JWK set.", body = Object, content_type = "application/jwk-set+json"))
)]
async fn keys(State(app): State<App>) -> Result<Response, Problem> {
    let answer = call(&app.peers.membership, &gateway(), GetIssuerKeysRequest {}, |channel, request| async move {
        membership(channel).get_issuer_keys(request).await
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "application/jwk-set+json")], answer.jwks_json).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_and_refused_as_rfc_6749_says() {
        let form_of = |text: &str| form(text.as_bytes());
        let good = form_of("grant_type=password&username=camille%40chu.example&password=a%20b%2Bc")
            .unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!((good.username.as_str(), good.password.as_str()), ("camille@chu.example", "a b+c"));
        for (text, error) in [
            ("", "invalid_request"),
            ("grant_type=password", "invalid_request"),
            ("grant_type=client_credentials", "unsupported_grant_type"),
            ("grant_type=password&grant_type=password", "invalid_request"),
        ] {
            assert_eq!(form_of(text).err().map(|refusal| refusal.error), Some(error), "{text}");
        }
    }
}
