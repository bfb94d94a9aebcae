use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use strongroom_domain::json::value::Value as Sent;
use strongroom_domain::relay::error::RelayError;
use strongroom_domain::{CredentialId, FieldError, RelayPreview, RelayRequest, VaultError};
use strongroom_web::body;
use strongroom_web::fields::{Fields, choice, string};
use strongroom_web::query::Params;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::parameters::{CredentialInPath, Organization};
use crate::openapi::responses::{BodyInvalid, BodyRefused, NoSuchCredential, Refused, Unread};
use crate::openapi::schemas::{
    closed, map_of, nullable, object, one_of, optional, required, schemas, success, text, whole,
};
use crate::paths::RELAY_TEST;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_id::credential_id;

/// The methods of relays.
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

schemas! {
    /// The request to describe.
    Described => closed(object([
        ("host", optional(text().description(Some("As in the path of a relay; `-` if absent.")))),
        ("method", optional(one_of(METHODS).description(Some("GET if absent.")))),
        ("path", required(text())),
        ("query", optional(text())),
        ("headers", optional(map_of(text()))),
    ]));
    /// What would be sent.
    Tested => success("RelayTest", object([
        ("request", required(or_null(sent()))),
        ("problem", required(or_null(object([
            ("code", required(text())),
            ("message", required(text())),
        ])))),
    ]));
}

/// What a relay would send for a described request, with the secret hidden, and whether the host
/// resolves to addresses that requests may go to. Nothing is sent.
#[utoipa::path(
    post, path = RELAY_TEST, operation_id = "testRelayPolicy",
    params(CredentialInPath, Organization),
    request_body(content = inline(Described), example = json!({"path": "/v1/charges"})),
    responses(
        (status = 200, description = "What would be sent, or why nothing would.",
         body = inline(Tested)),
        BodyInvalid, Refused, NoSuchCredential, BodyRefused, Unread,
    ),
)]
pub(in crate::routes) async fn handle(
    Authorized {
        caller,
        vault,
        state,
    }: Authorized,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let id = credential_id(&request).map_err(|error| ApiError::invalid(vec![error]))?;
    let body = body::read(&request, payload, &state).await?;
    let wanted = described(id, &body)?;
    let previewed = vault.preview_relay(&caller, &wanted);
    let preview = match state.with_deadline(previewed).await {
        Err(VaultError::Relay(error)) => return Ok(answer(&Value::Null, problem(&error))),
        preview => preview?,
    };
    let resolved = vault.egress()?.resolve(&preview.destination).await;
    Ok(match resolved {
        Ok(_) => answer(&shown(&preview), Value::Null),
        Err(error) => answer(&shown(&preview), problem(&RelayError::of(error, 0))),
    })
}

fn or_null(object: ObjectBuilder) -> ObjectBuilder {
    object.schema_type(nullable(Type::Object))
}

fn sent() -> ObjectBuilder {
    let pair = ArrayBuilder::new().items(text());
    object([
        ("host", required(text())),
        ("port", required(whole(1, 65_535))),
        ("method", required(text())),
        (
            "target",
            required(text().description(Some("Path and query."))),
        ),
        ("headers", required(ArrayBuilder::new().items(pair))),
    ])
}

fn answer(request: &Value, problem: Value) -> HttpResponse {
    let result = json!({ "request": request, "problem": problem });
    HttpResponse::Ok().json(Envelope::success(result))
}

fn problem(error: &RelayError) -> Value {
    json!({ "code": error.code(), "message": error.to_string() })
}

fn shown(preview: &RelayPreview) -> Value {
    let headers = preview.headers.iter();
    let headers: Vec<_> = headers.map(|(name, value)| json!([name, value])).collect();
    json!({
        "host": preview.destination.host.as_str(),
        "port": preview.destination.port,
        "method": preview.method,
        "target": preview.target,
        "headers": headers,
    })
}

fn described(id: CredentialId, body: &[u8]) -> Result<RelayRequest, ApiError> {
    let mut fields = Fields::parse(body)?;
    let mut read = |name: &'static str| {
        let value = fields.take_unless_null(name);
        fields.check(value, string(name, |text| Ok(text.to_owned())))
    };
    let (host, query) = (read("host"), read("query"));
    let value = fields.take_unless_null("method");
    let named = |text: &str| METHODS.into_iter().find(|one| *one == text);
    let method = fields.check(value, choice("method", named, || METHODS.join(", ")));
    let value = fields.require("path");
    let path = fields.check(value, string("path", |text| Ok(text.to_owned())));
    let value = fields.take_unless_null("headers");
    let headers = fields.check(value, headers);
    fields.finish()?;
    Ok(RelayRequest {
        id,
        host: host.unwrap_or_else(|| "-".into()),
        method: method.unwrap_or("GET").into(),
        path: path.unwrap_or_default(),
        query,
        headers: headers.unwrap_or_default(),
        carriers: Vec::new(),
        length: None,
    })
}

fn headers(value: Sent<'_>) -> Result<Vec<(String, Vec<u8>)>, FieldError> {
    let wrong = || FieldError::new("headers", "wrong_type", "must be an object of strings");
    let members = value.members().ok_or_else(wrong)?;
    let read = members.into_iter().map(|(name, value)| {
        let text = value.as_string().ok_or_else(wrong)?;
        Ok((name.into_owned(), text.as_bytes().to_vec()))
    });
    read.collect()
}
