//! `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10: lists of
//! structured fields (RFC 9651) with one member for each limit.

use std::fmt::Write;
use std::hash::Hash;

use actix_web::http::header::{HeaderName, HeaderValue};

use crate::rate_limit::buckets::Buckets;

/// The header of the limits: `q` requests in `w` seconds.
pub(super) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The header of the remaining requests: `r` now, and the whole limit in `t` seconds.
pub(super) const REMAINING: HeaderName = HeaderName::from_static("ratelimit");

/// The value of such a header.
#[derive(Default)]
pub(super) struct FieldList(String);

impl FieldList {
    pub(super) fn add_policy<K: Hash + Eq + Clone>(&mut self, name: &str, buckets: &Buckets<K>) {
        let capacity = buckets.capacity();
        let window = buckets.seconds_until_full(0).max(1);
        self.add_separator();
        let _ = write!(self.0, "\"{name}\";q={capacity};w={window}");
    }

    pub(super) fn add_remaining<K: Hash + Eq + Clone>(
        &mut self,
        name: &str,
        buckets: &Buckets<K>,
        left: u32,
    ) {
        let full_in = buckets.seconds_until_full(left);
        self.add_separator();
        let _ = write!(self.0, "\"{name}\";r={left};t={full_in}");
    }

    fn add_separator(&mut self) {
        if self.0.is_empty() {
            self.0.reserve(64);
        } else {
            self.0.push_str(", ");
        }
    }

    /// The value as text. `None` if there is no limit.
    pub(super) fn text(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }

    /// The value. `None` if there is no limit.
    pub(super) fn value(self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.text()?).ok()
    }
}
