//! Deletion, and its undo.

use actix_web::HttpResponse;
use strongroom_domain::DeleteRequest;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::see_other;
use crate::pages::credentials::{id, if_match, path};
use crate::paths;
use crate::posted::Posted;

/// Deletes a credential.
pub(crate) async fn delete(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsDelete).await?;
    let id = id(session)?;
    let request = DeleteRequest {
        if_match: Some(if_match(&mut posted.form())?),
        purge: false,
    };
    let (vault, caller) = (&session.vault, &session.caller);
    let settings = session.state.with_deadline(vault.settings(caller)).await?;
    let deleted = vault.delete_credential(caller, id, request, Level::default());
    session.write(deleted).await?;
    let list = paths::credentials(caller.org());
    Ok(match settings.recovery_days {
        0 => see_other(&list, Some(Flash::DeletedForGood)),
        _ => see_other(&format!("{list}?undo={id}"), None),
    })
}

/// Restores a deleted credential.
pub(crate) async fn restore(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsWrite).await?;
    let id = id(session)?;
    let restored = session
        .vault
        .restore_credential(&session.caller, id, Level::default());
    session.write(restored).await?;
    Ok(see_other(&path(session, id), Some(Flash::Restored)))
}
