//! What needs the API alone. `make test-compose` runs these suites against the servers of a
//! deployment. Their harness is `TestApi`, which has no database and no log.

mod api_keys;
mod authorization;
mod blobs;
mod bodies;
mod changes;
mod credentials;
mod deleting;
mod headers;
mod key_reach;
mod listing;
mod merging;
mod organization_limits;
mod organizations;
mod parameters;
mod permissions;
mod preconditions;
mod sorting;
mod undeleting;
mod values;
mod versions;
