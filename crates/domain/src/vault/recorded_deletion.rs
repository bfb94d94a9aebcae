//! Deletions of credentials in the audit trail, which prove what rows say.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::stored::format_time;
use crate::caller::{Caller, OrgScope};
use crate::credential::{Deletion, SealedCredential};
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::vault::Vault;
use crate::vault::state_events::member;

impl Vault {
    /// The event that records the deletion of `row` again.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if it is not the one in the audit trail, or an error of the store.
    pub(super) async fn deletion_attestation(
        &self,
        caller: &Caller,
        row: &SealedCredential,
    ) -> Result<Event, VaultError> {
        let recorded = self.recorded_deletion(caller.scope(), row.id).await?;
        let deletion = row.deletion.ok_or(NOT_RECORDED)?;
        if !recorded.is_some_and(|recorded| recorded.is_of(row, deletion)) {
            return Err(NOT_RECORDED);
        }
        let event = Event::by(caller, Action::CredentialDelete, self.now()).about(row.id);
        let event = event.of_version(row.version, row.value_version);
        let again = Details::new([("attested", json!(true))]);
        Ok(event.with_details(window(deletion.recover_until).and(&again)))
    }

    /// The newest deletion of a credential in the audit trail; `None` if there is none.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if its event was altered or inserted, or an error of the store.
    pub(super) async fn recorded_deletion(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> Result<Option<RecordedDeletion>, VaultError> {
        let found = self.store.deletions(scope, id).await?;
        let Some(newest) = found.first() else {
            return Ok(None);
        };
        let previous = newest.previous.as_deref();
        let event = self.chain.prove(scope.org(), &newest.event, previous);
        let event = event.ok_or(NOT_RECORDED)?;
        let until = member(&event, "recover_until");
        Ok(event
            .version
            .map(|version| RecordedDeletion { version, until }))
    }
}

/// The error about a deletion that no event confirms.
pub(super) const NOT_RECORDED: VaultError =
    VaultError::Integrity("the deletion of a credential is not the one in the audit trail");

/// A deletion in the audit trail.
pub(super) struct RecordedDeletion {
    version: i64,
    until: Value,
}

impl RecordedDeletion {
    /// The version of the deleted row.
    pub(super) fn version(&self) -> i64 {
        self.version
    }

    /// Whether it is the deletion of this row.
    pub(super) fn is_of(&self, row: &SealedCredential, deletion: Deletion) -> bool {
        let until = format_time(deletion.recover_until);
        self.version == row.version && self.until == json!(until)
    }
}

/// The details of the event of a deletion that can be undone.
pub(super) fn window(until: DateTime<Utc>) -> Details {
    Details::new([("recover_until", json!(format_time(until)))])
}
