//! `RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers-10 has them: lists of structured
//! fields (RFC 9651), one member per limit.

use std::fmt::Write;
use std::hash::Hash;

use actix_web::http::header::{HeaderName, HeaderValue};

use super::rate::Buckets;

/// What the limits are: `q` requests in `w` seconds.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of them: `r` requests now, and all of them again in `t` seconds.
pub(crate) const REMAINING: HeaderName = HeaderName::from_static("ratelimit");

/// A header's value that grows member by member.
#[derive(Default)]
pub(super) struct List(String);

impl List {
    pub(super) fn policy<K: Hash + Eq + Clone>(&mut self, name: &str, buckets: &Buckets<K>) {
        let (most, window) = (buckets.most(), buckets.full_in(0).max(1));
        self.next();
        let _ = write!(self.0, "\"{name}\";q={most};w={window}");
    }

    pub(super) fn remaining<K: Hash + Eq + Clone>(
        &mut self,
        name: &str,
        buckets: &Buckets<K>,
        left: u32,
    ) {
        let full_in = buckets.full_in(left);
        self.next();
        let _ = write!(self.0, "\"{name}\";r={left};t={full_in}");
    }

    fn next(&mut self) {
        if self.0.is_empty() {
            self.0.reserve(64);
        } else {
            self.0.push_str(", ");
        }
    }

    /// The value; `None` when there is no limit.
    pub(super) fn value(self) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        HeaderValue::try_from(self.0).ok()
    }
}
