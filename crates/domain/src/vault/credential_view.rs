//! All that a page shows of a credential, without its secret.

use futures_util::future::try_join3;
use serde_json::json;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::credential::CredentialInfo;
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::vault::Vault;
use crate::vault::adoption::Adoption;
use crate::vault::version_reads::VersionInfo;

/// A credential with its values and readers.
#[derive(Debug)]
pub struct CredentialView {
    /// Its metadata.
    pub info: CredentialInfo,
    /// Its values, the newest first.
    pub versions: Vec<VersionInfo>,
    /// Who has read the current value.
    pub adoption: Adoption,
}

impl Vault {
    /// A credential with its values and readers. One event records it, as a list of this
    /// credential, whose details name the three parts.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Stale`], [`VaultError::NotFound`],
    /// [`VaultError::Integrity`] if its values are not those that were kept, or an error of the
    /// store.
    pub async fn view_credential(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<CredentialView, VaultError> {
        caller.require(Permission::CredentialsList)?;
        self.refuse_stale_reads()?;
        let scope = caller.scope();
        let event = Event::by(caller, Action::CredentialList, self.now()).about(id);
        let last_used = async {
            let found = self.store.credential(scope, id).await;
            let found = self.log_failure(scope.org(), found.map_err(VaultError::from))?;
            Ok(found.and_then(|found| found.last_used))
        };
        let (last_used, (current, history, _), evidence) = try_join3(
            last_used,
            self.opened_history(caller, id, &event),
            self.adoption_evidence(caller, id),
        )
        .await?;
        let shown = json!(["metadata", "versions", "readers"]);
        let event = event.with_details(Details::new([("shown", shown)]));
        self.store.record(scope, event).await?;
        let row = &current.row;
        let etag = self.chain.entity_tag(scope.org(), row);
        let mut info = row.info(scope.org(), Some(etag));
        info.last_used = last_used;
        Ok(CredentialView {
            info,
            versions: VersionInfo::all(row, &history),
            adoption: evidence.adoption(row),
        })
    }
}
