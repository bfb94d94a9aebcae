//! The next version of a credential, sealed.

use serde_json::json;
use strongroom_crypto::SecretBytes;

use crate::audit::chain::Chain;
use crate::audit::details::Details;
use crate::blob::JsonBlob;
use crate::caller::Caller;
use crate::credential::SealedCredential;
use crate::error::{Denial, VaultError};
use crate::history::{Current, StoredVersion, VersionChanges};
use crate::ports::error::{StoreError, StoreResult};
use crate::ports::store::ChangedCredential;
use crate::record_format::VALUES;
use crate::trace::TRACE;
use crate::vault::content::{Content, ContentFn, ValueStep};
use crate::vault::history::History;
use crate::vault::next_value::{NextValue, ValueChange};

/// The inputs for the next version of a row.
pub(super) struct Reseal {
    pub(super) caller: Caller,
    pub(super) chain: Chain,
    pub(super) content: ContentFn,
    pub(super) values: ValueChange,
    /// Whether the row keeps the time of its last change.
    pub(super) keeps_time: bool,
    /// The span of the request, because the change runs on another thread.
    pub(super) span: tracing::Span,
}

impl Reseal {
    pub(super) fn apply(&self, current: &Current) -> StoreResult<ChangedCredential> {
        let sealed = current.versions.iter().filter_map(StoredVersion::sealed);
        let mut generations = sealed.map(|sealed| sealed.key_generation);
        let has_all = generations.all(|generation| self.values.keys.has(generation));
        if !has_all || !self.values.keys.has(current.row.key_generation) {
            return Err(StoreError::RetiredKey);
        }
        self.next(current)
            .map_err(|error| StoreError::Refused(Box::new(error)))
    }

    // A change of the label alone also opens and re-seals the blob. Every version has its own data
    // key, and a tampered row does not become a valid new version.
    fn next(&self, current: &Current) -> Result<ChangedCredential, VaultError> {
        let (org, row) = (self.caller.org(), &current.row);
        if !self.caller.reaches(row) {
            return Err(VaultError::NotFound);
        }
        let span = tracing::info_span!(target: TRACE, parent: &self.span, "open");
        let opened = span.in_scope(|| {
            self.values
                .counters
                .opens
                .record(self.values.keys.open(row))
        })?;
        let mut history = History::of(&self.chain, org, current)?;
        let content = (self.content)(row, opened.expose(), &history)?;
        let format = self.format(row);
        let value = match format {
            ..VALUES => unversioned(row, &content, opened),
            _ => self.values.next(row, &content, opened, &mut history)?,
        };
        let next = SealedCredential {
            label: content.label,
            version: row.version + 1,
            value_version: value.version,
            expiry: value.expiry,
            history: history.seal(&self.chain, org, row.id),
            updated_at: match self.keeps_time {
                true => row.updated_at,
                false => self.values.at,
            },
            ..row.clone()
        };
        if !self.caller.reaches(&next) {
            return Err(VaultError::Forbidden(Denial::Reach));
        }
        let span = tracing::info_span!(target: TRACE, parent: &self.span, "seal");
        let seal = || {
            self.values
                .keys
                .seal(next, value.blob.expose(), format, &*self.values.random)
        };
        let row = self.values.counters.seals.record(span.in_scope(seal))?;
        let digest = self.chain.row_digest(org, &row);
        let versions = history.changes();
        Ok(ChangedCredential {
            details: details(content.step, &versions),
            row,
            digest,
            versions,
        })
    }

    // Another server may have followed the format before this one.
    fn format(&self, row: &SealedCredential) -> i32 {
        let has_values = row.binds_value() || self.values.kept > 0;
        let format = self.chain.record_format();
        if has_values {
            format.max(VALUES)
        } else {
            format
        }
    }
}

// Before the record format has versions of values, every change is one.
fn unversioned(row: &SealedCredential, content: &Content, opened: SecretBytes) -> NextValue {
    let sent = content.blob.as_ref().map(JsonBlob::expose);
    NextValue {
        version: row.version + 1,
        expiry: None,
        blob: sent.map_or(opened, |sent| SecretBytes::new(sent.to_vec())),
    }
}

/// What the audit event says of the other values.
fn details(step: ValueStep, versions: &VersionChanges) -> Option<Details> {
    let step = match step {
        ValueStep::Promote(version) => Some(Details::new([("promoted", json!(version))])),
        ValueStep::Destroy(version) => Some(Details::new([("destroyed", json!(version))])),
        ValueStep::Stage => {
            let staged = versions.put.iter();
            let staged = staged.map(|version| version.value_version).max();
            Some(Details::new([("pending", json!(staged))]))
        }
        ValueStep::Set | ValueStep::Reseal | ValueStep::Prune => None,
    };
    let removed = versions.removed.iter();
    let pruned: Vec<_> = removed
        .filter(
            |version| !matches!(&step, Some(step) if step.get("promoted") == Some(json!(version))),
        )
        .collect();
    if pruned.is_empty() {
        return step;
    }
    let pruned = Details::new([("pruned", json!(pruned))]);
    Some(step.map_or(pruned.clone(), |step| step.and(&pruned)))
}
