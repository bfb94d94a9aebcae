//! External credentials: what they are called, what may be in them, and their sealed form.

use chrono::{DateTime, Utc};
use serde::Serialize;
use strongroom_crypto::SecretBytes;

use crate::blob::JsonBlob;
use crate::ids::{CredentialId, OrgId};
use crate::kinds::{CredentialType, Provider};
use crate::label::Label;
use crate::last_used::LastUsed;

/// A credential's row with its last use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredential {
    /// The row.
    pub sealed: SealedCredential,
    /// When it was last used, if ever.
    pub last_used: Option<LastUsed>,
}

/// A credential to create.
#[derive(Debug)]
pub struct NewCredential {
    /// Who issued it.
    pub provider: Provider,
    /// What kind it is.
    pub kind: CredentialType,
    /// Its label; empty when none was given.
    pub label: Label,
    /// The secret itself.
    pub blob: JsonBlob,
}

/// What to change of a credential. The immutable fields, when given, must equal what is stored.
#[derive(Debug)]
pub struct CredentialChange {
    /// A new label.
    pub label: Option<Label>,
    /// A new secret.
    pub blob: Option<JsonBlob>,
    /// The provider that the caller believes it has.
    pub provider: Option<Provider>,
    /// The type that the caller believes it has.
    pub kind: Option<CredentialType>,
}

/// All about a credential but its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialInfo {
    /// Its id.
    #[serde(rename = "external_cred_id")]
    pub id: CredentialId,
    /// The organization it belongs to.
    #[serde(rename = "organization_id")]
    pub org: OrgId,
    /// Who issued it.
    #[serde(rename = "extcred_provider")]
    pub provider: Provider,
    /// What kind it is.
    #[serde(rename = "extcred_type")]
    pub kind: CredentialType,
    /// Its label; empty when never set.
    #[serde(rename = "extcred_label")]
    pub label: Label,
    /// Its last reveal or change; nothing on the wire when it was never used.
    #[serde(flatten)]
    pub last_used: Option<LastUsed>,
}

/// A credential with its secret in the clear: exists only between opening and answering.
#[derive(Debug)]
pub struct RevealedCredential {
    /// All but the secret.
    pub info: CredentialInfo,
    /// The blob's exact bytes: one JSON object.
    pub blob: SecretBytes,
}

/// A credential as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCredential {
    /// Its id.
    pub id: CredentialId,
    /// Who issued it.
    pub provider: Provider,
    /// What kind it is.
    pub kind: CredentialType,
    /// Its label.
    pub label: Label,
    /// 1 when created, one more with every change.
    pub version: i64,
    /// Which generation of the organization's key wraps `wrapped_key`.
    pub key_generation: i32,
    /// The version's data key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The blob, sealed under the data key.
    pub sealed_blob: Vec<u8>,
    /// When this version was written.
    pub updated_at: DateTime<Utc>,
    /// The user of the Pieces surface whose key it is; set when created, and never changed.
    pub pieces_user: Option<String>,
}

impl SealedCredential {
    /// All but the secret, as a row of organization `org`.
    #[must_use]
    pub fn info(&self, org: OrgId) -> CredentialInfo {
        CredentialInfo {
            id: self.id,
            org,
            provider: self.provider,
            kind: self.kind,
            label: self.label.clone(),
            last_used: None,
        }
    }
}

/// Which credentials to list: all that match every given field exactly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialFilter {
    /// Only of this provider.
    pub provider: Option<Provider>,
    /// Only of this type.
    pub kind: Option<CredentialType>,
    /// Only with this label.
    pub label: Option<String>,
}

/// Where a page of a listing starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// After so many rows; the total is counted.
    Offset(i64),
    /// After this credential, or at the beginning; nothing is counted.
    After(Option<CredentialId>),
}

/// One page to list, in order of creation.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Most rows on it.
    pub limit: i64,
    /// Where it starts.
    pub start: PageStart,
}

/// A listed page.
#[derive(Debug, Clone)]
pub struct CredentialPage {
    /// The rows.
    pub items: Vec<CredentialInfo>,
    /// How many match in all; only for [`PageStart::Offset`].
    pub total: Option<i64>,
    /// The last row's id when more follow; only for [`PageStart::After`].
    pub next: Option<CredentialId>,
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
    fn names_parse_back_and_nothing_else_does() {
        for kind in CredentialType::ALL {
            assert_eq!(CredentialType::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(Provider::parse("Google"), None);
        assert_eq!(Provider::choices(), "google, onfido, shopify or generic");
    }
}
