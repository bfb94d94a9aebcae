//! The values of a credential besides the current one.

use actix_web::HttpResponse;
use askama::Template;
use futures_util::future::try_join;
use strongroom_domain::history::Stage;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_domain::{VaultError, VersionWrite};
use strongroom_web::query::whole_number;

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{Layout, Part, answer, see_other};
use crate::pages::credentials::{Shown, id, if_match, path};
use crate::posted::Posted;
use crate::session::Session;

#[derive(Template)]
#[template(path = "credentials/destroy.html")]
struct Page {
    layout: Layout,
    credential: Shown,
    number: i64,
    stage: &'static str,
}

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

/// Asks whether another value is to be destroyed.
pub(crate) async fn ask(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::CredentialsWrite).await?;
    let (id, number) = (id(&session)?, number(&session)?);
    let (vault, caller) = (&session.vault, &session.caller);
    let both = try_join(
        vault.credential_info(caller, id),
        vault.versions(caller, id),
    );
    let (info, versions) = session.state.with_deadline(both).await?;
    let mut others = versions
        .iter()
        .filter(|one| !one.is_current && one.destroyed_at.is_none());
    let version = others.find(|one| one.value_version == number);
    let version = version.ok_or(VaultError::NoSuchVersion)?;
    let title = format!("Destroy version {number}");
    let page = Page {
        layout: Layout::new(&session, Part::Credentials, title).await?,
        credential: Shown::of(&info, &session),
        number,
        stage: version.stage.map_or("former", Stage::as_str),
    };
    answer(&page, &session)
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
    Ok(VersionWrite {
        id: id(session)?,
        value_version: number(session)?,
        if_match: Some(if_match(&mut posted.form())?),
    })
}

fn number(session: &Session) -> Result<i64, PageError> {
    let number = session.request.match_info().get("value_version");
    let number = number.and_then(whole_number).filter(|number| *number > 0);
    number.ok_or_else(PageError::unknown_path)
}
