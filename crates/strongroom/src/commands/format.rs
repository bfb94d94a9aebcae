//! How commands print values.

use chrono::{DateTime, SecondsFormat, Utc};
use strongroom_domain::OrgId;

use super::time::parse_time;

/// RFC 3339 in UTC, to the second.
pub(super) fn format_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// RFC 3339 in UTC, to the microsecond.
pub(super) fn exact(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The time `text`, as a server writes it, to the second.
pub(super) fn to_the_second(text: &str) -> String {
    parse_time(text).map_or_else(|| text.to_owned(), format_time)
}

/// The state of an API key that was revoked at a time, or ends at another.
pub(super) fn key_state(
    revoked_at: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> String {
    match (revoked_at, end) {
        (Some(at), _) => format!("revoked {}", format_time(at)),
        (None, Some(at)) if at <= now => format!("expired {}", format_time(at)),
        (None, Some(at)) => format!("valid until {}", format_time(at)),
        (None, None) => "valid".to_owned(),
    }
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
