//! Signed roots: the newest heads of all audit trails, for storage outside the database.

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_crypto::{MerkleTree, PublicKey, Signer};

use crate::audit::heads::{LaneHead, encode_heads};
use crate::audit::root::{AuditLeaf, AuditRoot, leaf};
use crate::caller::OrgScope;
use crate::error::VaultError;
use crate::ids::OrgId;
use crate::rotation::CLOCK_TOLERANCE;
use crate::vault::Vault;
use crate::vault::audit::PAGE;

/// The time by which an event may be older than its commit: requests get their time before they are
/// queued, and the clocks of servers differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// The time for which roots and their leaves are kept in the database.
const RETENTION: TimeDelta = TimeDelta::days(90);
/// The number of leaves per transaction.
const LEAVES: usize = 200;

impl Vault {
    /// Signs a root over the heads of the lanes that have new events since the last root. The
    /// leaves are stored before the root, so a root without them does not exist.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn sign_audit_root(&self) -> Result<AuditRoot, VaultError> {
        let last = self.newest_audit_root().await?;
        let now = self.now();
        let at = last
            .as_ref()
            .map_or(now, |last| now.max(last.at + TimeDelta::microseconds(1)));
        let since = last.as_ref().map(|last| last.at - OVERLAP);
        let changed = self
            .changed_heads(since.unwrap_or(DateTime::UNIX_EPOCH))
            .await?;
        let leaves = changed
            .iter()
            .map(|(scope, heads)| leaf(scope.org(), at, heads));
        let tree = MerkleTree::of(leaves);
        for (first, chunk) in (0..).step_by(LEAVES).zip(changed.chunks(LEAVES)) {
            let leaves = (first..).zip(chunk).map(|(index, (scope, heads))| {
                let leaf = AuditLeaf {
                    heads: heads.clone(),
                    number: index as i64,
                    path: tree.path(index).concat(),
                };
                (*scope, leaf)
            });
            let leaves: Vec<(OrgScope, AuditLeaf)> = leaves.collect();
            self.store.add_audit_leaves(at, &leaves).await?;
        }
        let previous = last.map_or([0; 32], |last| last.root);
        let signer = Signer::new(&self.service.audit_signing);
        let root = AuditRoot::sign(&signer, at, changed.len() as u64, tree.root(), previous);
        self.store.add_audit_root(&root).await?;
        self.forget_old_roots(at - RETENTION).await?;
        Ok(root)
    }

    /// The newest root that this vault signed; `None` if there is none.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn newest_audit_root(&self) -> Result<Option<AuditRoot>, VaultError> {
        // The servers' role can insert rows; a forged one must not hide the genuine ones.
        let until = self.now() + CLOCK_TOLERANCE;
        let newest = self.store.newest_audit_roots(until).await?;
        let key = self.audit_public_key();
        Ok(newest.into_iter().find(|root| root.check(&key).is_ok()))
    }

    pub(super) fn audit_public_key(&self) -> PublicKey {
        Signer::new(&self.service.audit_signing).public_key()
    }

    // The encoded heads of each organization with new events, ordered by id.
    async fn changed_heads(
        &self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(OrgScope, Vec<u8>)>, VaultError> {
        let mut changed = Vec::new();
        for org in self.all_trails().await? {
            let scope = OrgScope::new(org);
            let mut heads: Vec<LaneHead> = Vec::new();
            loop {
                let after = heads.last().map(|head| head.lane);
                let page = self.store.changed_heads(scope, since, after, PAGE).await?;
                if page.is_empty() {
                    break;
                }
                heads.extend(page);
            }
            if !heads.is_empty() {
                changed.push((scope, encode_heads(&heads)));
            }
        }
        Ok(changed)
    }

    /// The installation and all organizations.
    async fn all_trails(&self) -> Result<Vec<OrgId>, VaultError> {
        let listed = self.store.organization_ids().await?;
        Ok([OrgId::INSTALLATION].into_iter().chain(listed).collect())
    }

    async fn forget_old_roots(&self, before: DateTime<Utc>) -> Result<(), VaultError> {
        for org in self.all_trails().await? {
            let scope = OrgScope::new(org);
            self.store.forget_audit_leaves(scope, before).await?;
        }
        Ok(self.store.forget_audit_roots(before).await?)
    }
}
