use std::net::IpAddr;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderValue};
use moka::sync::Cache;
use prometheus::IntCounter;
use strongroom_domain::caller::{Actor, Caller};
use strongroom_domain::{KeyId, OrgId};

use super::LimitSettings;
use super::fields::{List, POLICY, REMAINING};
use super::rate::{Buckets, Rate, whole_seconds};
use crate::error::ApiError;
use crate::metrics::LimitMetrics;

/// How often an organization's refusals are logged, at most, beside the requests' own lines.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Holder {
    Key(KeyId),
    /// Callers without a key, by their network. They do not count for the organization: a stranger's requests
    /// shall not use up what its own keys may ask.
    Anonymous(IpAddr),
}

/// Limits on the requests of those who are who they say.
pub(crate) struct RequestLimits {
    key: Option<Limit<Holder>>,
    organization: Option<Limit<OrgId>>,
    policy: Option<HeaderValue>,
    logged: Cache<OrgId, ()>,
}

struct Limit<K: std::hash::Hash + Eq + Clone> {
    name: &'static str,
    buckets: Buckets<K>,
    refused: IntCounter,
}

/// How many requests a caller has left, for the answer's headers. It stands in the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    key: Option<u32>,
    organization: Option<u32>,
}

impl RequestLimits {
    pub(super) fn new(settings: &LimitSettings, metrics: &LimitMetrics) -> Self {
        let key = Limit::new("key", settings.per_key, metrics);
        let organization = Limit::new("organization", settings.per_organization, metrics);
        let mut policy = List::default();
        if let Some(limit) = &key {
            policy.policy(limit.name, &limit.buckets);
        }
        if let Some(limit) = &organization {
            policy.policy(limit.name, &limit.buckets);
        }
        Self {
            key,
            organization,
            policy: policy.value(),
            logged: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(LOGGED_EVERY)
                .build(),
        }
    }

    /// Counts one request of `caller`, who asks from `network`. What is left, or the answer 429; both where there
    /// is any limit.
    pub(crate) fn admit(
        &self,
        caller: &Caller,
        network: IpAddr,
    ) -> (Option<Standing>, Result<(), ApiError>) {
        if self.policy.is_none() {
            return (None, Ok(()));
        }
        let (actor, key) = (caller.actor(), self.key.as_ref());
        let has_key = matches!(actor, Actor::Key(..));
        let key = key.map(|limit| {
            let holder = match actor {
                Actor::Key(id, _) => Holder::Key(id),
                Actor::Anonymous | Actor::Operator => {
                    Holder::Anonymous(limit.buckets.holder(network))
                }
            };
            limit.buckets.take(&holder)
        });
        let mut standing = Standing {
            key: key.map(|left| left.unwrap_or(0)),
            organization: None,
        };
        if let (Some(limit), Some(Err(wait))) = (&self.key, key) {
            return (Some(standing), Err(self.refuse(limit, caller, wait)));
        }
        let organization = self.organization.as_ref().filter(|_| has_key);
        let Some(limit) = organization else {
            return (Some(standing), Ok(()));
        };
        match limit.buckets.take(&caller.org()) {
            Ok(left) => {
                standing.organization = Some(left);
                (Some(standing), Ok(()))
            }
            Err(wait) => {
                standing.organization = Some(0);
                (Some(standing), Err(self.refuse(limit, caller, wait)))
            }
        }
    }

    fn refuse<K: std::hash::Hash + Eq + Clone>(
        &self,
        limit: &Limit<K>,
        caller: &Caller,
        wait: Duration,
    ) -> ApiError {
        limit.refused.inc();
        if self.logged.entry(caller.org()).or_insert(()).is_fresh() {
            tracing::warn!(
                org = %caller.org(),
                limit = limit.name,
                "requests are refused: the rate limit is reached (logged once a minute)"
            );
        }
        ApiError::rate_limited(limit.name, whole_seconds(wait))
    }

    /// Adds what the limits are and what is left of them to an answer's headers.
    pub(crate) fn describe(&self, standing: Standing, headers: &mut HeaderMap) {
        let mut remaining = List::default();
        if let (Some(limit), Some(left)) = (&self.key, standing.key) {
            remaining.remaining(limit.name, &limit.buckets, left);
        }
        if let (Some(limit), Some(left)) = (&self.organization, standing.organization) {
            remaining.remaining(limit.name, &limit.buckets, left);
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

impl<K: std::hash::Hash + Eq + Clone> Limit<K> {
    fn new(name: &'static str, rate: Option<Rate>, metrics: &LimitMetrics) -> Option<Self> {
        Some(Self {
            name,
            buckets: Buckets::new(rate?),
            refused: metrics.limited(name),
        })
    }
}
