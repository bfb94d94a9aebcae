//! Ancestors of organizations.
//!
//! Whether one organization is an ancestor of another is a row with a keyed digest: a party that
//! can write to the database cannot place an organization under another.

use strongroom_crypto::{Context, Digest, Purpose, SecretKey, mac, verify_mac};

use crate::ids::OrgId;

/// The maximum number of ancestors of an organization.
pub const MAX_ANCESTORS: usize = 8;

/// One ancestor of an organization, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// The ancestor.
    pub id: OrgId,
    /// The number of generations between the two: 1 for the parent.
    pub distance: i16,
    /// The keyed digest over both ids and the distance.
    pub proof: Vec<u8>,
}

/// Whether an organization is a descendant of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AncestorStatus {
    /// It is a descendant.
    Proved,
    /// It is a deleted descendant.
    Deleted,
    /// It is none, or it was destroyed.
    Absent,
    /// The row says that it is one, and its digest does not.
    Forged,
}

impl Ancestor {
    /// The row that makes `ancestor` an ancestor of `org`.
    #[must_use]
    pub fn new(key: &SecretKey, org: OrgId, ancestor: OrgId, distance: i16) -> Self {
        let mut row = Self {
            id: ancestor,
            distance,
            proof: Vec::new(),
        };
        row.proof = row.digest(key, org).to_vec();
        row
    }

    /// Whether the row was made by [`Self::new`] for `org`.
    #[must_use]
    pub fn is_proved(&self, key: &SecretKey, org: OrgId) -> bool {
        verify_mac(key, &self.context(org), &[], &self.proof)
    }

    fn digest(&self, key: &SecretKey, org: OrgId) -> Digest {
        mac(key, &self.context(org), &[])
    }

    fn context(&self, org: OrgId) -> Context {
        Context::new(Purpose::Ancestor)
            .uuid(org.0)
            .uuid(self.id.0)
            .i64(self.distance.into())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_proof_binds_both_organizations_and_the_distance() {
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        let [org, parent, other] = [1, 2, 3].map(|id| OrgId(Uuid::from_u128(id)));
        let row = Ancestor::new(&key, org, parent, 1);
        assert!(row.is_proved(&key, org));
        assert!(!row.is_proved(&key, other));
        let moved = Ancestor {
            id: other,
            ..row.clone()
        };
        let farther = Ancestor { distance: 2, ..row };
        assert!(!moved.is_proved(&key, org) && !farther.is_proved(&key, org));
    }
}
