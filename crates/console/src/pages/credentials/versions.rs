//! The values of a credential besides the current one.

use actix_web::HttpResponse;
use strongroom_domain::VersionWrite;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_web::query::whole_number;

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::see_other;
use crate::pages::credentials::{id, if_match, path};
use crate::posted::Posted;

/// Makes another value the current one.
pub(crate) async fn promote(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsWrite).await?;
    let write = read(&posted)?;
    let id = write.id;
    let promoted = session
        .vault
        .promote_version(&session.caller, write, Level::default());
    session.write(promoted).await?;
    Ok(see_other(&path(session, id), Some(Flash::Promoted)))
}

/// Destroys another value, unless a reader has not read the current one and the form asks for that.
pub(crate) async fn destroy(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsWrite).await?;
    let adopted = posted.form().take("require_adopted")?.is_some();
    let write = read(&posted)?;
    let id = write.id;
    let caller = &session.caller;
    let destroyed = session
        .vault
        .destroy_version(caller, write, adopted, Level::default());
    session.write(destroyed).await?;
    Ok(see_other(&path(session, id), Some(Flash::Destroyed)))
}

fn read(posted: &Posted) -> Result<VersionWrite, PageError> {
    let session = &posted.session;
    let number = session.request.match_info().get("value_version");
    let number = number.and_then(whole_number).filter(|number| *number > 0);
    Ok(VersionWrite {
        id: id(session)?,
        value_version: number.ok_or_else(PageError::unknown_path)?,
        if_match: Some(if_match(&mut posted.form())?),
    })
}
