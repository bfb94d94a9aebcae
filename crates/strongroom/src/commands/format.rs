//! How commands print values.

use chrono::{DateTime, SecondsFormat, Utc};
use strongroom_domain::OrgId;

/// RFC 3339 in UTC, to the second.
pub(super) fn format_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `1 event`, `2 events`.
pub(super) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The owner of an audit trail: `organization ID`, or `the installation`.
pub(super) fn owner(org: OrgId) -> String {
    match org {
        OrgId::INSTALLATION => "the installation".to_owned(),
        org => format!("organization {org}"),
    }
}
