use actix_web::body::SizedStream;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use strongroom_domain::relay::answer::RelayHead;
use strongroom_domain::trace::TRACE;
use strongroom_domain::{PendingUse, RelayBody, RelayPlan, RelayRequest, VaultError};
use strongroom_web::body_stream;
use strongroom_web::state::AppState;
use tracing::Instrument;

use crate::error::ApiError;
use crate::headers::{EXPIRED, RELAY_ORIGIN};
use crate::openapi::parameters::{CredentialInPath, RelayTarget};
use crate::openapi::relay_responses::{
    RelayFailed, RelayInvalid, RelayRefused, RelayUnusable, RelayUnwritten,
};
use crate::openapi::responses::NoSuchCredential;
use crate::paths::RELAY;
use crate::routes::relay::caller::authorize;
use crate::routes::relay::presented::RelayPresented;
use crate::routes::relay::relayed_body::RelayedBody;
use crate::routes::slashid::credential_id::credential_id;

/// How often a request is planned while the credential or its policy changes.
const ATTEMPTS: usize = 4;

/// Sends a request with the credential in it, as its relay policy says, and passes the answer on.
///
/// The API key may also be where the upstream's client library puts its key: `Authorization` or
/// `x-api-key`. `SlashID-OrgID` is optional. The answer is the upstream's if
/// `SlashID-Relay-Origin` is `upstream`.
#[utoipa::path(
    method(get, head, options, post, put, patch, delete),
    path = RELAY, operation_id = "relay",
    params(CredentialInPath, RelayTarget),
    responses(
        (status = 200, description = "The answer of the upstream, with any status.",
         body = Vec<u8>, content_type = "*/*"),
        RelayInvalid, RelayRefused, RelayUnusable, NoSuchCredential, RelayFailed, RelayUnwritten,
    ),
)]
pub(in crate::routes) async fn handle(
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let relayed = relay(&request, payload).await;
    relayed.map_err(|error| error.with_header(RELAY_ORIGIN, "strongroom"))
}

async fn relay(request: &HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    let state = AppState::of(request)?;
    let sent = RelayPresented::read(request.headers());
    let (caller, vault) = authorize(request, &state, &sent).await?;
    let wanted = wanted(request, sent)?;
    let mut body = RelayedBody::new(request, payload);
    let (mut primary, mut renewed) = (false, false);
    for _ in 0..ATTEMPTS {
        let planned = vault.plan_relay(&caller, &wanted, primary);
        let plan = state.with_deadline(planned).await?;
        // Not within the deadline: a token endpoint has a time limit of its own.
        let Some(plan) = vault.with_token(&caller, plan).await? else {
            primary = true;
            continue;
        };
        let can_repeat = plan.has_token() && body.keep(&state).await?;
        let connecting = vault.egress()?.open(&plan.destination);
        let span = tracing::info_span!(target: TRACE, "upstream connect");
        let opened = connecting.instrument(span).await;
        let connection = opened.map_err(|error| vault.not_opened(&caller, &plan, error))?;
        let recorded = vault.record_use(&caller, &plan);
        if !state.write_with_deadline(recorded).await? {
            primary = true;
            continue;
        }
        let used = PendingUse::begin(&vault, &caller, &plan);
        let sent = body.next(plan.limits.request_bytes);
        let host = plan.destination.host.as_str();
        let span = tracing::info_span!(target: TRACE, "upstream", server.address = host);
        let sending = connection.send(plan.request(sent)).instrument(span);
        let answer = match sending.await {
            Ok(answer) => answer,
            Err(error) => return Err(used.failed(error).into()),
        };
        if answer.status == 401 && can_repeat && !renewed {
            renewed = true;
            used.refused(answer.status);
            vault.discard_token(&plan);
            continue;
        }
        let (head, body) = used.answered(&plan, answer)?;
        return Ok(respond(request, &plan, head, body).await);
    }
    let why = "the credential or its policy changes all the time".to_owned();
    Err(VaultError::Unavailable(why).into())
}

/// What the caller asks for.
fn wanted(request: &HttpRequest, sent: RelayPresented) -> Result<RelayRequest, ApiError> {
    let id = credential_id(request).map_err(|error| ApiError::invalid(vec![error]))?;
    let uri = request.uri();
    // The parts of the pattern are decoded, and the upstream gets the path as it was sent.
    let target = uri.path().splitn(7, '/').last().unwrap_or_default();
    let (host, path) = target.split_once('/').unwrap_or((target, ""));
    let headers = request.headers().iter();
    Ok(RelayRequest {
        id,
        host: host.to_owned(),
        method: request.method().as_str().to_owned(),
        path: format!("/{path}"),
        query: uri.query().map(str::to_owned),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        carriers: sent.carriers,
        length: body_stream::announced(request),
    })
}

async fn respond(
    request: &HttpRequest,
    plan: &RelayPlan,
    head: RelayHead,
    mut body: RelayBody,
) -> HttpResponse {
    let status = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    for (name, value) in &head.headers {
        response.append_header((name.as_str(), value.as_ref()));
    }
    response.insert_header((RELAY_ORIGIN, "upstream"));
    if plan.is_expired {
        response.insert_header((EXPIRED, "true"));
    }
    let has_no_body = request.method() == Method::HEAD
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    if has_no_body || head.length == Some(0) {
        // Its end returns the connection to the pool, and is recorded.
        while let Some(Ok(_)) = body.next().await {}
        return response.finish();
    }
    match head.length {
        Some(length) => response.body(SizedStream::new(length, body)),
        None => response.streaming(body),
    }
}
