//! The scope of queries.

use crate::ids::OrgId;

/// The right to run queries on the rows of one organization. Only this crate creates it, from a
/// [`Caller`](crate::caller::Caller) or from an API key that is being verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrgScope(OrgId);

impl OrgScope {
    pub(crate) fn new(org: OrgId) -> Self {
        Self(org)
    }

    /// The organization.
    #[must_use]
    pub fn org(self) -> OrgId {
        self.0
    }
}
