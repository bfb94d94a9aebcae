use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::value::RawValue;
use strongroom_domain::json::value::{Kind, Value};
use strongroom_domain::pieces::{OpenAi, PiecesUser, check_schema};
use strongroom_domain::{FieldError, VaultError};
use strongroom_web::body;
use strongroom_web::body::Body;
use strongroom_web::fields::{Fields, string};
use strongroom_web::state::AppState;

use crate::error::ApiError;
use crate::plain_error::PlainError;
use crate::secret_body;

/// Reads the body. It is required, although it is optional in the clients' signatures.
pub(super) async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<Body, PlainError> {
    let announced = ["content-length", "transfer-encoding"];
    let empty = request
        .headers()
        .get("content-length")
        .is_some_and(|length| length == "0");
    if empty
        || !announced
            .iter()
            .any(|name| request.headers().contains_key(*name))
    {
        let message = "a body is required: a JSON object with a user";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "required", message).into());
    }
    Ok(body::read(request, payload, state).await?)
}

/// The request of each of the three operations.
pub(super) struct Request<'a, T> {
    pub(super) user: PiecesUser,
    pub(super) open_ai: Option<T>,
    pub(super) schema: Option<Value<'a>>,
}

/// Reads a request, and its `open_AI` with `read`. A member that is null counts as absent.
pub(super) fn parse<'a, T>(
    body: &'a [u8],
    read: impl FnOnce(Value<'a>) -> Result<T, Vec<FieldError>>,
) -> Result<Request<'a, T>, PlainError> {
    let mut fields = Fields::parse(body)?;
    let user = fields.require("user");
    let user = fields.check(user, string("user", PiecesUser::parse));
    let open_ai = fields
        .take("open_AI")
        .filter(|value| value.kind() != Kind::Null);
    let open_ai = open_ai.and_then(|value| match read(value) {
        Ok(open_ai) => Some(open_ai),
        Err(errors) => {
            fields.errors.extend(errors);
            None
        }
    });
    let schema = fields
        .take("schema")
        .filter(|value| value.kind() != Kind::Null);
    if let Some((code, message)) = schema.and_then(check_schema) {
        fields.errors.push(FieldError::new("schema", code, message));
    }
    fields.finish()?;
    let user =
        user.ok_or_else(|| VaultError::Internal("a user was neither read nor refused".into()))?;
    Ok(Request {
        user,
        open_ai,
        schema,
    })
}

/// `CreatedExternalProviderApiKey`, `UpdatedExternalProviderApiKey` and
/// `DeletedExternalProviderApiKey`, which have the same members.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a RawValue>,
    metadata: UserMetadata<'a>,
}

/// The members of `Auth0UserMetadata` that the service supports.
#[derive(Serialize)]
struct UserMetadata<'a> {
    global_id: &'a str,
    #[serde(rename = "open_AI", skip_serializing_if = "Option::is_none")]
    open_ai: Option<BTreeMap<&'static str, &'a RawValue>>,
}

/// 200 with the stored key of `user` and the request's own schema.
pub(super) fn answer(
    user: &PiecesUser,
    kept: Option<&OpenAi>,
    schema: Option<Value<'_>>,
) -> Result<HttpResponse, PlainError> {
    let size = |kept: &OpenAi| kept.members().map(|(_, text)| text.len()).sum();
    let secret = kept.map_or(0, size) + schema.map_or(0, |schema| schema.text().len());
    let open_ai = kept
        .map(|kept| {
            kept.members()
                .map(|(name, text)| Ok((name, raw(text)?)))
                .collect()
        })
        .transpose()
        .map_err(|error: VaultError| PlainError::from(error))?;
    let answer = Answer {
        schema: schema.map(|schema| raw(schema.text())).transpose()?,
        metadata: UserMetadata {
            global_id: user.as_str(),
            open_ai,
        },
    };
    Ok(secret_body::json(HttpResponse::Ok(), &answer, secret)?)
}

fn raw(text: &str) -> Result<&RawValue, VaultError> {
    serde_json::from_str(text)
        .map_err(|_| VaultError::Internal("a stored member is not JSON".into()))
}
