use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use strongroom_domain::credential::{Reveal, RevealedCredential};
use strongroom_domain::history::Stage;
use strongroom_domain::replication::Stale;
use strongroom_domain::{FieldError, ValueChoice, VaultError};
use strongroom_web::query::{Params, whole_number};
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::conditions::{if_none_match, tagged};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::headers::EXPIRED;
use crate::openapi::components::named;
use crate::openapi::headers::{EntityTag, Expired, ReplicaLag};
use crate::openapi::parameters::{CredentialInPath, IfNoneMatch, Organization, parameters, query};
use crate::openapi::responses::{NoSuchValue, QueryInvalid, Refused, Unread};
use crate::openapi::schemas::{free_object, one_of, schemas, success, whole};
use crate::paths::CREDENTIAL;
use crate::replica_lag;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_body::CredentialBody;
use crate::routes::slashid::credential_id::credential_id;
use crate::secret_body;

/// The stage of the current value in a request.
const CURRENT: &str = "current";

parameters! {
    /// The parameters of the query.
    Query => [
        query(
            "stage",
            one_of([CURRENT, Stage::Previous.as_str(), Stage::Pending.as_str()]),
            "The value to reveal: the one at this stage.",
        ),
        query(
            "value_version",
            whole(1, i64::MAX),
            "The value to reveal: the one with this version.",
        ),
    ];
}

schemas! {
    /// A credential with its secret.
    RevealedBody => success("RevealedCredential", named("CredentialWithSecret", revealed()));
}

/// Reveals a credential with its secret. The reveal is recorded before the response.
#[utoipa::path(
    get, path = CREDENTIAL, operation_id = "revealCredential",
    params(CredentialInPath, Organization, Query, IfNoneMatch),
    responses(
        (status = 200, description = "The credential.", body = inline(RevealedBody),
         headers(
             ("SlashID-Replica-Lag" = inline(ReplicaLag)),
             ("ETag" = inline(EntityTag)),
             ("SlashID-Credential-Expired" = inline(Expired)),
         )),
        (status = 304, description = "The credential is of a version in `If-None-Match`. The \
                                      audit trail has the reveal of this version.",
         headers(("SlashID-Replica-Lag" = inline(ReplicaLag)), ("ETag" = inline(EntityTag)))),
        QueryInvalid, Refused, NoSuchValue, Unread,
    ),
)]
pub(in crate::routes) async fn handle(
    Authorized {
        caller,
        vault,
        state,
    }: Authorized,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let choice = parse(request.query_string())?;
    let known = if_none_match(request.headers());
    let (id, known) = match (credential_id(&request), known) {
        (Ok(id), Ok(known)) => (id, known),
        (id, known) => {
            let errors = id.err().into_iter().chain(known.err());
            return Err(ApiError::invalid(errors.collect()));
        }
    };
    if known.is_some() && choice.is_some() {
        let message = "is about the current value alone";
        let error = FieldError::new("If-None-Match", "conflict", message);
        return Err(ApiError::invalid(vec![error]));
    }
    let stale = vault.stale();
    let reveal = async {
        match choice {
            // Boxed, since it is rare, and the future of every reveal would have its size.
            Some(choice) => Box::pin(vault.reveal_version(&caller, id, choice)).await,
            None => vault.reveal_credential(&caller, id, known).await,
        }
    };
    answer(&state.with_deadline(reveal).await?, stale)
}

/// The value to open; `None` for the current one.
fn parse(query: &str) -> Result<Option<ValueChoice>, ApiError> {
    let mut params = Params::parse(query);
    let stage = |text: &str| match text {
        CURRENT => Some(None),
        text => Stage::parse(text).map(Some),
    };
    let names = || "current, previous or pending".to_owned();
    let stage = params.read("stage", stage, names);
    let number = |text: &str| whole_number(text).filter(|number| *number > 0);
    let version = params.read("value_version", number, || "a positive number".to_owned());
    if stage.is_some() && version.is_some() {
        let message = "cannot be used together with stage";
        let error = FieldError::new("value_version", "conflict", message);
        params.errors.push(error);
    }
    params.finish()?;
    let stage = stage.flatten().map(ValueChoice::Stage);
    Ok(stage.or(version.map(ValueChoice::Version)))
}

/// The only type that serializes a secret.
#[derive(Serialize)]
struct Revealed<'a> {
    #[serde(flatten)]
    info: CredentialBody<'a>,
    json_blob: &'a RawValue,
}

// The schema of a credential, with `json_blob`.
fn revealed() -> RefOr<Schema> {
    let mut schema = CredentialBody::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let name = "json_blob".to_owned();
        object.properties.insert(name.clone(), free_object().into());
        object.required.push(name);
    }
    schema
}

/// The response to a reveal.
pub(super) fn answer(reveal: &Reveal, stale: Option<Stale>) -> Result<HttpResponse, ApiError> {
    match reveal {
        Reveal::Opened(revealed) => opened(revealed, stale),
        Reveal::Unchanged(etag) => {
            let response = replica_lag::begin(StatusCode::NOT_MODIFIED, stale);
            Ok(tagged(response, Some(*etag)).finish())
        }
    }
}

fn opened(revealed: &RevealedCredential, stale: Option<Stale>) -> Result<HttpResponse, ApiError> {
    let blob = revealed.blob.expose();
    let json_blob = serde_json::from_slice(blob)
        .map_err(|_| VaultError::Internal("an opened blob is not JSON".into()))?;
    let info = CredentialBody::of(&revealed.info);
    let envelope = Envelope::success(Revealed { info, json_blob });
    let mut response = tagged(replica_lag::ok(stale), revealed.info.etag);
    if revealed.is_expired {
        response.insert_header((EXPIRED, "true"));
    }
    Ok(secret_body::json(response, &envelope, blob.len())?)
}
