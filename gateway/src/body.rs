//! Reading bodies: JSON of at most 1 MiB whose faults name the field; forms; files onto disk.

use axum::{
    body::{Body as HttpBody, Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;

use crate::{error::GatewayError, problem::Problem};

/// Largest JSON body.
pub const JSON_LIMIT: usize = 1024 * 1024;
/// Largest needs file.
pub const FILE_LIMIT: usize = 64 * 1024 * 1024;

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        expect_media_type(request.headers(), "application/json")?;
        let bytes = whole(request.into_body(), JSON_LIMIT).await?;
        Ok(Self(parse(&bytes)?))
    }
}

/// Refuses another content type than the one that is read here.
///
/// # Errors
/// `MEDIA_TYPE_NOT_SUPPORTED`.
pub fn expect_media_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), GatewayError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(GatewayError::MediaTypeNotSupported(wanted)) }
}

/// All of a small body.
///
/// # Errors
/// `BODY_TOO_LARGE`, `BODY_INCOMPLETE`.
pub async fn whole(body: HttpBody, limit_bytes: usize) -> Result<Bytes, GatewayError> {
    to_bytes(body, limit_bytes).await.map_err(|error| {
        let over =
            std::error::Error::source(&error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        if over { GatewayError::BodyTooLarge { limit_bytes } } else { GatewayError::BodyIncomplete }
    })
}

/// JSON whose first fault is told with its path.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, GatewayError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let detail = error.into_inner();
        match detail.classify() {
            serde_json::error::Category::Data => GatewayError::BodyInvalid {
                field: if field == "." { String::new() } else { field },
                detail: detail.to_string(),
            },
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => GatewayError::BodyMalformed(detail.to_string()),
        }
    })?;
    reader.end().map_err(|error| GatewayError::BodyMalformed(error.to_string()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::dto::needs::NeedInput;

    #[test]
    fn a_fault_in_json_names_its_field() {
        let faulty = br#"[{"site":"a","article":"b","quantity":"douze"}]"#;
        let GatewayError::BodyInvalid { field, .. } = parse::<Vec<NeedInput>>(faulty).unwrap_err() else {
            panic!("kind")
        };
        assert_eq!(field, "[0].quantity");
        let unknown = br#"{"site":"a","article":"b","quantity":1,"packging_code":"BOX"}"#;
        assert!(
            matches!(parse::<NeedInput>(unknown), Err(GatewayError::BodyInvalid { .. })),
            "a misspelt field is not lost"
        );
        assert!(matches!(parse::<NeedInput>(b"{"), Err(GatewayError::BodyMalformed(_))));
        assert!(matches!(parse::<Vec<i64>>(b"[1] x"), Err(GatewayError::BodyMalformed(_))));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_told_from_one_that_broke_off() {
        let large = HttpBody::from(vec![b' '; 11]);
        assert_eq!(whole(large, 10).await, Err(GatewayError::BodyTooLarge { limit_bytes: 10 }));
        let broken = HttpBody::from_stream(futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));
        assert_eq!(whole(broken, 10).await, Err(GatewayError::BodyIncomplete));
    }

    #[test]
    fn the_content_type_may_have_parameters() {
        let with = |value| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]);
        assert!(expect_media_type(&with("application/json; charset=utf-8"), "application/json").is_ok());
        assert!(expect_media_type(&with("text/plain"), "application/json").is_err());
        assert!(expect_media_type(&HeaderMap::new(), "application/json").is_err());
    }
}
