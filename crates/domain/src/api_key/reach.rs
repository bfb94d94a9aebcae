//! Which credentials an API key reaches.

use serde::{Deserialize, Serialize};

use crate::ids::CredentialId;
use crate::kinds::{CredentialType, Provider};
use crate::label::Label;

/// Which credentials a key reaches: those that match every member that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialReach {
    /// The providers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub providers: Option<Vec<Provider>>,
    /// The types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<CredentialType>>,
    /// The beginning of the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_prefix: Option<String>,
    /// The ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<CredentialId>>,
}

impl CredentialReach {
    /// Whether a credential with this id, provider, type and label is reached.
    #[must_use]
    pub fn contains(
        &self,
        id: CredentialId,
        provider: Provider,
        kind: CredentialType,
        label: &Label,
    ) -> bool {
        let is_listed = self.ids.as_ref().is_none_or(|ids| ids.contains(&id));
        let has_provider = self
            .providers
            .as_ref()
            .is_none_or(|providers| providers.contains(&provider));
        let has_type = self
            .types
            .as_ref()
            .is_none_or(|types| types.contains(&kind));
        let has_prefix = self
            .label_prefix
            .as_ref()
            .is_none_or(|prefix| label.as_str().starts_with(prefix.as_str()));
        is_listed && has_provider && has_type && has_prefix
    }

    /// Whether every credential that `other` can reach is reached.
    pub(super) fn covers(&self, other: &Self) -> bool {
        fn within<T: PartialEq>(outer: Option<&Vec<T>>, inner: Option<&Vec<T>>) -> bool {
            outer.is_none_or(|outer| {
                inner.is_some_and(|inner| inner.iter().all(|one| outer.contains(one)))
            })
        }
        within(self.providers.as_ref(), other.providers.as_ref())
            && within(self.types.as_ref(), other.types.as_ref())
            && within(self.ids.as_ref(), other.ids.as_ref())
            && self.label_prefix.as_ref().is_none_or(|outer| {
                let inner = other.label_prefix.as_ref();
                inner.is_some_and(|inner| inner.starts_with(outer.as_str()))
            })
    }
}
