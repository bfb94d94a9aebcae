//! Orders of a listing of credentials, and places in them.

use crate::ids::CredentialId;
use crate::kinds::wire_enum;

wire_enum! {
    /// The order of a listing. Credentials with the same key follow in the order of their ids.
    CredentialOrder {
        /// Those that were created first come first.
        Created = 1 => "created",
        /// Those that were created last come first.
        CreatedDescending = 2 => "-created",
        /// By label, without regard to the case of ASCII letters; those without a label come first.
        Label = 3 => "extcred_label",
        /// By label, without regard to the case of ASCII letters; those without a label come last.
        LabelDescending = 4 => "-extcred_label",
        /// Those that were used least recently come first, and before them those never used.
        LastUsed = 5 => "last_used_at",
        /// Those that were used most recently come first, and last those never used.
        LastUsedDescending = 6 => "-last_used_at",
        /// Those that expire first come first, and last those that do not expire.
        Expiry = 7 => "expires_at",
        /// Those that expire last come first, and before them those that do not expire.
        ExpiryDescending = 8 => "-expires_at",
    }
}

/// What an order compares, besides ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Nothing.
    Nothing,
    /// Labels.
    Labels,
    /// Times.
    Times,
}

impl CredentialOrder {
    /// What the order compares, besides ids.
    #[must_use]
    pub fn compares(self) -> Compared {
        match self {
            Self::Created | Self::CreatedDescending => Compared::Nothing,
            Self::Label | Self::LabelDescending => Compared::Labels,
            Self::LastUsed | Self::LastUsedDescending | Self::Expiry | Self::ExpiryDescending => {
                Compared::Times
            }
        }
    }
}

/// What an order compares of a credential, besides its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceKey {
    /// Nothing.
    None,
    /// Its label, in the form that is compared.
    Label(String),
    /// A time: microseconds since 1970, and the extremes for PostgreSQL's infinities.
    Time(i64),
}

/// The place of a credential in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPlace {
    /// The credential.
    pub id: CredentialId,
    /// What else the order compares.
    pub key: PlaceKey,
}

impl ListPlace {
    /// The place of the credential `id` in the order of creation.
    #[must_use]
    pub fn created(id: CredentialId) -> Self {
        let key = PlaceKey::None;
        Self { id, key }
    }
}
