//! What a server counts, and which conditions of its surroundings it reports.

pub mod condition;
pub mod count;
pub mod counters;
pub mod histogram;
pub mod status;
