//! The records of signed roots of audit trails in a backup.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::backup::bytes;

/// A row of `audit_roots`. The installation has these.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct AuditRootRow {
    pub at: DateTime<Utc>,
    pub leaves: i64,
    #[serde(with = "bytes")]
    pub root: Vec<u8>,
    #[serde(with = "bytes")]
    pub previous: Vec<u8>,
    #[serde(with = "bytes")]
    pub public_key: Vec<u8>,
    #[serde(with = "bytes")]
    pub signature: Vec<u8>,
}

/// A row of `audit_root_leaves`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct AuditLeafRow {
    pub at: DateTime<Utc>,
    pub number: i64,
    #[serde(with = "bytes")]
    pub heads: Vec<u8>,
    #[serde(with = "bytes")]
    pub path: Vec<u8>,
}
