//! The question before a relay policy is deleted.

use actix_web::HttpResponse;
use askama::Template;
use futures_util::future::try_join;
use strongroom_domain::permission::Permission;

use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::pages::credentials::{Shown, id};
use crate::session::Session;

#[derive(Template)]
#[template(path = "credentials/policy_delete.html")]
struct Page {
    layout: Layout,
    credential: Shown,
    /// The version of the policy that is deleted, if it is the current one still.
    version: i64,
}

/// Asks whether the policy is to be deleted.
pub(crate) async fn ask(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::CredentialsWrite).await?;
    let id = id(&session)?;
    let (vault, caller) = (&session.vault, &session.caller);
    let both = try_join(
        vault.credential_info(caller, id),
        vault.relay_policy(caller, id),
    );
    let (info, policy) = session.state.with_deadline(both).await?;
    let page = Page {
        layout: Layout::new(&session, Part::Credentials, "Delete the relay policy").await?,
        credential: Shown::of(&info, &session),
        version: policy.version,
    };
    answer(&page, &session)
}
