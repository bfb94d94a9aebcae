//! Limits on the requests of authenticated callers.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use prometheus::IntCounter;
use strongroom_domain::caller::{Actor, Caller};
use strongroom_domain::{KeyId, OrgId};

use crate::log_throttle::LogThrottle;
use crate::metrics::limits::LimitMetrics;
use crate::rate_limit::buckets::{Buckets, retry_after};
use crate::rate_limit::header_fields::{FieldList, POLICY, REMAINING};
use crate::refusal::Refusal;
use crate::settings::{LimitSettings, Rate};

/// Maximum number of organizations whose refusals are logged separately.
const MAX_LOGGED: u64 = 10_000;

/// The caller whose requests one bucket counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum KeyHolder {
    /// An API key, or an OAuth 2.0 client with its tokens.
    Key(KeyId),
    /// Callers without a key, by network. They do not count for the organization, so that they
    /// cannot use up the limit of its keys.
    Anonymous(IpAddr),
}

/// The limits on requests of authenticated callers.
pub(crate) struct RequestLimits {
    key: Option<Limit<KeyHolder>>,
    organization: Option<Limit<OrgId>>,
    policy: Option<HeaderValue>,
    log: LogThrottle<OrgId>,
}

struct Limit<K: Hash + Eq + Clone> {
    name: &'static str,
    buckets: Buckets<K>,
    refused: IntCounter,
}

/// How many requests a caller has left, in the request's extensions for the response's headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateLimitStatus {
    key: Option<u32>,
    organization: Option<u32>,
}

impl RequestLimits {
    pub(super) fn new(settings: &LimitSettings, metrics: &LimitMetrics) -> Self {
        let key = Limit::new("key", settings.per_key, metrics);
        let organization = Limit::new("organization", settings.per_organization, metrics);
        let mut policy = FieldList::default();
        if let Some(limit) = &key {
            policy.add_policy(limit.name, &limit.buckets);
        }
        if let Some(limit) = &organization {
            policy.add_policy(limit.name, &limit.buckets);
        }
        Self {
            key,
            organization,
            policy: policy.value(),
            log: LogThrottle::new(MAX_LOGGED),
        }
    }

    /// Counts a request of `caller` from `network`. Returns the remaining requests if there is any
    /// limit, and 429 if the request exceeds one.
    pub(crate) fn admit(
        &self,
        caller: &Caller,
        network: IpAddr,
    ) -> (Option<RateLimitStatus>, Result<(), Refusal>) {
        if self.policy.is_none() {
            return (None, Ok(()));
        }
        let mut status = RateLimitStatus {
            key: None,
            organization: None,
        };
        if let Some(limit) = &self.key {
            let taken = limit.buckets.take(&key_holder(limit, caller, network));
            status.key = Some(taken.unwrap_or(0));
            if let Err(wait) = taken {
                return (Some(status), Err(self.refuse(limit, caller, wait)));
            }
        }
        let has_key = matches!(caller.actor(), Actor::Key(_) | Actor::Client(_));
        if let Some(limit) = self.organization.as_ref().filter(|_| has_key) {
            let taken = limit.buckets.take(&caller.org());
            status.organization = Some(taken.unwrap_or(0));
            if let Err(wait) = taken {
                return (Some(status), Err(self.refuse(limit, caller, wait)));
            }
        }
        (Some(status), Ok(()))
    }

    fn refuse<K: Hash + Eq + Clone>(
        &self,
        limit: &Limit<K>,
        caller: &Caller,
        wait: Duration,
    ) -> Refusal {
        limit.refused.inc();
        if self.log.allows(caller.org()) {
            tracing::warn!(
                org = %caller.org(),
                limit = limit.name,
                "requests are refused: the rate limit is reached (logged once a minute)"
            );
        }
        rate_limited(limit.name, retry_after(wait))
    }

    /// Adds the limits and the remaining requests to a response's headers.
    pub(crate) fn add_headers(&self, status: RateLimitStatus, headers: &mut HeaderMap) {
        let mut remaining = FieldList::default();
        if let (Some(limit), Some(left)) = (&self.key, status.key) {
            remaining.add_remaining(limit.name, &limit.buckets, left);
        }
        if let (Some(limit), Some(left)) = (&self.organization, status.organization) {
            remaining.add_remaining(limit.name, &limit.buckets, left);
        }
        if let (Some(policy), Some(remaining)) = (&self.policy, remaining.value()) {
            headers.insert(POLICY, policy.clone());
            headers.insert(REMAINING, remaining);
        }
    }

    pub(super) fn sweep(&self) {
        if let Some(limit) = &self.key {
            limit.buckets.sweep();
        }
        if let Some(limit) = &self.organization {
            limit.buckets.sweep();
        }
    }
}

/// 429 for a caller who has used up `limit`, and may continue after `seconds`.
#[must_use]
pub fn rate_limited(limit: &str, seconds: u64) -> Refusal {
    let message =
        format!("too many requests: the limit of this {limit} is reached; nothing was done");
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        .with_header(RETRY_AFTER, seconds)
}

fn key_holder(limit: &Limit<KeyHolder>, caller: &Caller, network: IpAddr) -> KeyHolder {
    match caller.actor() {
        Actor::Key(id) | Actor::Client(id) => KeyHolder::Key(id),
        Actor::Anonymous | Actor::Operator => KeyHolder::Anonymous(limit.buckets.key_of(network)),
    }
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(name: &'static str, rate: Option<Rate>, metrics: &LimitMetrics) -> Option<Self> {
        Some(Self {
            name,
            buckets: Buckets::new(rate?),
            refused: metrics.refused(name),
        })
    }
}
