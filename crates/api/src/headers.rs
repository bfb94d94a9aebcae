//! The API's own headers.

use actix_web::http::header::HeaderName;

/// The caller's API key.
pub(crate) const API_KEY: &str = "SlashID-API-Key";
/// The API key, as the published clients of the Pieces API send it.
pub(crate) const APPLICATION_ID: &str = "X-Application-ID";
/// The organization that a request concerns.
pub(crate) const ORG_ID: &str = "SlashID-OrgID";
/// Which regions must have a write before the response.
pub(crate) const CONSISTENCY: &str = "SlashID-Required-Consistency";
/// How long a write may wait for these regions, in seconds.
pub(crate) const CONSISTENCY_TIMEOUT: &str = "SlashID-Required-Consistency-Timeout";
/// The operation of a write that some regions did not have in time.
pub(crate) const OPERATION_ID: HeaderName = HeaderName::from_static("slashid-operation-id");
/// The version of a value that was staged.
pub(crate) const VALUE_VERSION: HeaderName = HeaderName::from_static("slashid-value-version");
/// Whether a revealed credential has expired.
pub(crate) const EXPIRED: HeaderName = HeaderName::from_static("slashid-credential-expired");
/// Whose answer it is that a relay returns: `upstream` or `strongroom`.
pub(crate) const RELAY_ORIGIN: HeaderName = HeaderName::from_static("slashid-relay-origin");
/// How far the region that was read is behind the primary, in seconds, if that exceeds its limit.
pub(crate) const REPLICA_LAG: HeaderName = HeaderName::from_static("slashid-replica-lag");
