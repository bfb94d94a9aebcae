use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_domain::OrgId;
use strongroom_domain::egress::{Destination, EgressError};
use strongroom_domain::host_name::HostName;

use crate::settings::InFlightLimits;

/// Counts the requests in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    limits: InFlightLimits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    organizations: HashMap<OrgId, usize>,
    hosts: HashMap<HostName, usize>,
}

/// A place among the requests in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Arc<InFlight>,
    org: OrgId,
    host: HostName,
}

impl InFlight {
    pub(crate) fn new(limits: InFlightLimits) -> Arc<Self> {
        let counts = Mutex::default();
        Arc::new(Self { limits, counts })
    }

    /// A place for a request to `destination`.
    ///
    /// # Errors
    /// [`EgressError::Busy`].
    pub(crate) fn enter(self: &Arc<Self>, destination: &Destination) -> Result<Place, EgressError> {
        let Destination { org, host, .. } = destination;
        let (mut counts, limits) = (self.counts.lock(), &self.limits);
        let of_organization = counts.organizations.get(org).copied().unwrap_or(0);
        let to_host = counts.hosts.get(host).copied().unwrap_or(0);
        if counts.all >= limits.all {
            return Err(EgressError::Busy("on this server"));
        }
        if of_organization >= limits.organization {
            return Err(EgressError::Busy("of the organization"));
        }
        if to_host >= limits.host {
            return Err(EgressError::Busy("to the host"));
        }
        counts.all += 1;
        counts.organizations.insert(*org, of_organization + 1);
        counts.hosts.insert(host.clone(), to_host + 1);
        drop(counts);
        Ok(Place {
            of: self.clone(),
            org: *org,
            host: host.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.of.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        leave(&mut counts.organizations, &self.org);
        leave(&mut counts.hosts, &self.host);
    }
}

fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(org: u128, host: &str) -> Destination {
        Destination {
            org: OrgId(uuid::Uuid::from_u128(org)),
            host: HostName::parse(host).unwrap(),
            port: 443,
        }
    }

    #[test]
    fn each_limit_holds_and_places_return() {
        let in_flight = InFlight::new(InFlightLimits {
            all: 3,
            organization: 2,
            host: 2,
        });
        let enter = |org, host| in_flight.enter(&to(org, host));
        let first = enter(1, "a.example").unwrap();
        let second = enter(1, "a.example").unwrap();
        let busy = EgressError::Busy("of the organization");
        assert_eq!(enter(1, "b.example").unwrap_err(), busy);
        let busy = EgressError::Busy("to the host");
        assert_eq!(enter(2, "a.example").unwrap_err(), busy);
        let third = enter(2, "b.example").unwrap();
        let busy = EgressError::Busy("on this server");
        assert_eq!(enter(3, "c.example").unwrap_err(), busy);
        drop((first, second, third));
        let counts = in_flight.counts.lock();
        assert_eq!(
            counts.all + counts.organizations.len() + counts.hosts.len(),
            0
        );
    }
}
