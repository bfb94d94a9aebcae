//! Reveals of credentials by their labels.

use crate::audit::event::{Action, Event, Outcome};
use crate::caller::Caller;
use crate::credential::{CredentialFilter, Reveal};
use crate::entity_tag::Condition;
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::vault::Vault;

/// The maximum number of ids in an error.
const MAX_IDS: i64 = 20;
/// The number of times that a label is looked up: the credential may get another one meanwhile.
const ATTEMPTS: usize = 3;

impl Vault {
    /// Opens the credential with the label `label`, as [`Self::reveal_credential`] does. In a
    /// region whose database lags, the primary is asked before this says that there is none.
    ///
    /// # Errors
    /// As for [`Self::reveal_credential`]; [`VaultError::AmbiguousLabel`] if several credentials
    /// have it.
    pub async fn reveal_by_label(
        &self,
        caller: &Caller,
        label: &str,
        if_none_match: Option<Condition>,
    ) -> Result<Reveal, VaultError> {
        caller.require(Permission::CredentialsReveal)?;
        self.refuse_stale_reads()?;
        for _ in 0..ATTEMPTS {
            let Some(id) = self.labeled(caller, label, true).await? else {
                break;
            };
            let known = if_none_match.clone();
            match self.reveal_credential(caller, id, known).await {
                Ok(Reveal::Opened(revealed)) if revealed.info.label.as_str() != label => {}
                Err(VaultError::NotFound) => {}
                revealed => return revealed,
            }
        }
        match self.labeled(caller, label, false).await? {
            Some(id) => {
                let event = Event::by(caller, Action::CredentialReveal, self.now()).about(id);
                self.reveal_from_primary(caller, id, if_none_match.as_ref(), event)
                    .await
            }
            None => {
                let event = Event::by(caller, Action::CredentialReveal, self.now());
                let event = event.with_outcome(Outcome::NotFound);
                self.store.record(caller.scope(), event).await?;
                Err(VaultError::NotFound)
            }
        }
    }

    /// The only credential with this label that the caller reaches.
    async fn labeled(
        &self,
        caller: &Caller,
        label: &str,
        replica: bool,
    ) -> Result<Option<CredentialId>, VaultError> {
        let filter = CredentialFilter {
            label: Some(label.to_owned()),
            reach: caller.reach().cloned(),
            ..CredentialFilter::default()
        };
        let scope = caller.scope();
        let found = self.store.labeled(scope, &filter, MAX_IDS, replica).await?;
        match found.as_slice() {
            [] => Ok(None),
            [id] => Ok(Some(*id)),
            _ => Err(VaultError::AmbiguousLabel(found)),
        }
    }
}
