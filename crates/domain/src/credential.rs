//! External credentials: their metadata, their sealed form, and pages of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_crypto::{Digest, SecretBytes};

use crate::api_key::reach::CredentialReach;
use crate::blob::{JsonBlob, MergePatch};
use crate::credential_order::{CredentialOrder, ListPlace};
use crate::entity_tag::{Condition, EntityTag};
use crate::expiry::{Expiry, ExpiryChange};
use crate::ids::{CredentialId, OrgId};
use crate::kinds::{CredentialType, Provider};
use crate::label::Label;
use crate::last_used::LastUsed;

/// A credential's row with its last-used time and its stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredential {
    /// The row.
    pub sealed: SealedCredential,
    /// The last-used time; `None` if it was never used.
    pub last_used: Option<LastUsed>,
    /// A text that is another one after any change of the row.
    pub stamp: Arc<str>,
}

/// A credential to create.
#[derive(Debug)]
pub struct NewCredential {
    /// The issuer.
    pub provider: Provider,
    /// The type.
    pub kind: CredentialType,
    /// Its label; empty if none was given.
    pub label: Label,
    /// The secret.
    pub blob: JsonBlob,
    /// When it expires; `None` for what the secret says.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A change of a credential. The immutable fields, if given, must equal the stored values.
#[derive(Debug)]
pub struct CredentialChange {
    /// A new label.
    pub label: Option<Label>,
    /// A new secret.
    pub blob: Option<JsonBlob>,
    /// A JSON Merge Patch of the secret, instead of a new one.
    pub merge: Option<MergePatch>,
    /// Another expiry. One that equals the stored one changes nothing.
    pub expiry: Option<ExpiryChange>,
    /// The versions to which the change applies; `None` for any.
    pub if_match: Option<Condition>,
    /// The expected provider.
    pub provider: Option<Provider>,
    /// The expected type.
    pub kind: Option<CredentialType>,
}

/// A credential's metadata, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialInfo {
    /// Its id.
    pub id: CredentialId,
    /// The organization it belongs to.
    pub org: OrgId,
    /// The issuer.
    pub provider: Provider,
    /// The type.
    pub kind: CredentialType,
    /// Its label; empty if it was never set.
    pub label: Label,
    /// The version of its value.
    pub value_version: i64,
    /// When it expires, if that is known.
    pub expiry: Option<Expiry>,
    /// The time of its last change.
    pub updated_at: DateTime<Utc>,
    /// The entity tag of its version; `None` in a list, for a large row that was stored without it.
    pub etag: Option<EntityTag>,
    /// Its last reveal or change; `None` if it was never used.
    pub last_used: Option<LastUsed>,
    /// Its deletion, if it is deleted.
    pub deletion: Option<Deletion>,
}

/// What a reveal yields.
#[derive(Debug)]
pub enum Reveal {
    /// The credential with its secret.
    Opened(RevealedCredential),
    /// The caller has the current version, which has this tag.
    Unchanged(EntityTag),
}

/// A credential with its secret in plaintext. It exists only between opening and the response.
#[derive(Debug)]
pub struct RevealedCredential {
    /// The metadata.
    pub info: CredentialInfo,
    /// The exact bytes of the blob: one JSON object.
    pub blob: SecretBytes,
    /// Whether it has expired.
    pub is_expired: bool,
}

/// The format version of blobs that are bound to their label, too: the first byte of
/// [`SealedCredential::sealed_blob`].
pub const LABEL_BOUND: u8 = 2;
/// The format version of blobs that are also bound to the version of the value and to the expiry.
pub const VALUE_BOUND: u8 = 3;

/// A credential as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCredential {
    /// Its id.
    pub id: CredentialId,
    /// The issuer.
    pub provider: Provider,
    /// The type.
    pub kind: CredentialType,
    /// Its label.
    pub label: Label,
    /// The version: 1 at creation, incremented by every change.
    pub version: i64,
    /// The version of the value: 1 at creation, incremented by every change of the secret. Before
    /// [`VALUE_BOUND`], it is `version`.
    pub value_version: i64,
    /// When the credential expires, if that is known.
    pub expiry: Option<Expiry>,
    /// The generation of the organization's key that wraps `wrapped_key`.
    pub key_generation: i32,
    /// The wrapped data key of this version.
    pub wrapped_key: Vec<u8>,
    /// The blob, sealed with the data key.
    pub sealed_blob: Vec<u8>,
    /// The time of the caller's change that wrote this version. A rotation keeps it.
    pub updated_at: DateTime<Utc>,
    /// The user to whom the Pieces API assigned the key. Set at creation, and never changed.
    pub pieces_user: Option<String>,
    /// The digest of the credential's other values; `None` if there are none. From [`VALUE_BOUND`]
    /// on, the seal covers it.
    pub history: Option<Digest>,
    /// Its deletion, if it is deleted. Neither the seal nor the row's digest covers it; the event
    /// of the deletion proves it.
    pub deletion: Option<Deletion>,
}

impl SealedCredential {
    /// Whether the blob is bound to the label. Blobs of earlier versions are not.
    #[must_use]
    pub fn binds_label(&self) -> bool {
        self.format() >= LABEL_BOUND
    }

    /// Whether the blob is bound to the version of the value and to the expiry.
    #[must_use]
    pub fn binds_value(&self) -> bool {
        self.format() >= VALUE_BOUND
    }

    /// The format version of the blob; 0 if there is none.
    pub(crate) fn format(&self) -> u8 {
        self.sealed_blob.first().copied().unwrap_or_default()
    }

    /// The metadata of a row of organization `org`, with its entity tag, if that is known.
    #[must_use]
    pub fn info(&self, org: OrgId, etag: Option<EntityTag>) -> CredentialInfo {
        CredentialInfo {
            id: self.id,
            org,
            provider: self.provider,
            kind: self.kind,
            label: self.label.clone(),
            value_version: self.value_version,
            expiry: self.expiry,
            updated_at: self.updated_at,
            etag,
            last_used: None,
            deletion: self.deletion,
        }
    }
}

/// The deletion of a credential that can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// The time of the deletion.
    pub at: DateTime<Utc>,
    /// Until when it can be restored.
    pub recover_until: DateTime<Utc>,
}

/// What a deletion leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Nothing.
    AtOnce,
    /// The row, which can be restored until this time.
    Until(DateTime<Utc>),
    /// Nothing, also of credentials that were deleted before and can be restored.
    Purge,
}

/// A filter of a listing. Every given field must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialFilter {
    /// Match this provider.
    pub provider: Option<Provider>,
    /// Match this type.
    pub kind: Option<CredentialType>,
    /// Match exactly this label.
    pub label: Option<String>,
    /// Match labels that contain this text, without regard to case.
    pub label_contains: Option<String>,
    /// Match what expires before this time.
    pub expires_before: Option<DateTime<Utc>>,
    /// List the deleted credentials that can be restored, instead of the others.
    pub deleted: bool,
    /// Match what the caller's key reaches.
    pub reach: Option<CredentialReach>,
}

/// The start of a page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageStart {
    /// After this number of rows. The total is counted.
    Offset(i64),
    /// After this place, or at the beginning. The total is not counted.
    After(Option<ListPlace>),
}

/// A request for one page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The maximum number of rows.
    pub limit: i64,
    /// The start of the page, of which a place belongs to `order`.
    pub start: PageStart,
    /// The order of all pages.
    pub order: CredentialOrder,
}

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct CredentialPage {
    /// The rows.
    pub items: Vec<CredentialInfo>,
    /// The number of matches in all pages; only for [`PageStart::Offset`].
    pub total: Option<i64>,
    /// The place of the last row if more rows follow.
    pub next: Option<ListPlace>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_count_characters_not_bytes() {
        assert!(Label::parse(&"é".repeat(256)).is_ok());
        assert_eq!(Label::parse(&"é".repeat(257)).unwrap_err().code, "too_long");
        assert!(Label::parse("").is_ok());
    }

    #[test]
    fn labels_refuse_control_characters() {
        for text in ["a\nb", "\0", "\u{7f}", "\u{85}"] {
            assert_eq!(Label::parse(text).unwrap_err().code, "control_character");
        }
    }

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for kind in CredentialType::ALL {
            assert_eq!(CredentialType::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(Provider::parse("Google"), None);
        assert_eq!(Provider::choices(), "google, onfido, shopify or generic");
    }
}
