//! Counters and conditions of a server.

pub mod condition;
pub mod count;
pub mod counters;
pub mod histogram;
pub mod outcome_counts;
pub mod relay_counts;
pub mod status;
pub mod upstreams;
