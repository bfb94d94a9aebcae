//! Use of credentials without a reveal.

mod away;
#[path = "../../crates/egress/tests/egress/dns.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is the one of the tests of egress"
)]
mod dns;
mod load;
mod named_exchanges;
mod policies;
mod policy_attacks;
mod preview;
mod recording;
mod reflection;
mod refusals;
mod relaying;
mod scene;
mod sdks;
mod support;
mod targets;
mod tokens;
#[path = "../../crates/egress/tests/egress/upstream.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is the one of the tests of egress"
)]
mod upstream;
